"""A user's own task: four topics told apart by key words, in files of its own, through the stages."""

import csv
import importlib
import random
import shlex
import shutil
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from pipeline.commands import compose
from pipeline.commands.check import check
from pipeline.data.sources import load_rows
from pipeline.data.splits import split
from pipeline.errors import InputError
from pipeline.reporting.style import task_name
from pipeline.values import task_table
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration, read_params
from pipeline.values.paths import link_external
from pipeline.values.presets import compose_params
from pipeline.values.schema import external_folders
from pipeline.values.store import read_json

ROOT = Path(__file__).resolve().parents[1]
KEYS = {
    "World": ["treaty", "border", "embassy", "minister"],
    "Sport": ["goal", "coach", "striker", "stadium"],
    "Business": ["shares", "profit", "merger", "bank"],
    "Sci/Tech": ["telescope", "software", "genome", "chip"],
}
FILLERS = ["today", "again", "the", "new", "old", "big", "small", "talks", "news", "report", "says", "after", "before"]
UNUSED = ["veltrop", "quonsib", "drelmar"]  # the planted word and its two decoys
SIGNS = ['"', ",", "."]
LABELS = list(KEYS)
ENTRY = {"texts": ["headline"], "label": "topic", "labels": LABELS, "dev": "dev"}
VALUES = (
    "preset=minilm",
    "data.name=mine",
    "model.name=tiny",
    "tasks=[topics]",
    "seeds=[1]",
    "prepare.max_length=24",
    "prepare.n_importance=12",
    "prepare.n_heldout=20",
    "finetune.epochs=10",
    "finetune.batch_size=16",
    "finetune.lr=3e-3",
    "attribute.n_mine=40",
    "attribute.steps=4",
    "attribute.full_maps=3",
    "effectiveness.n_eval=20",
    "prune.n_eval=20",
    "universality.n_eval=20",
    "convergence={n_judged: 4, n_examples: 2, steps: [2, 20], reference_steps: 8}",
    "truth={n_examples: 2, group_sizes: [1, 2]}",
    "planted_paths={n_examples: 2, n_train: 64, epochs: 1}",
    "shortcut={n_examples: 4, n_eval: 20, random_orders: 2}",
    "tree={n_examples: 4, random_trees: 3, random_sets: 2}",
    "triggers={n_triggers: 8, n_select: 8, n_eval: 20, hotflip_batch: 4, hotflip_rounds: 1}",
    "run.tracking.mode=disabled",
)


def headline(topic, generator):
    """Fillers with one or two key words of the topic; some quoted, or of two lines."""
    words = generator.choices(FILLERS, k=generator.randrange(4, 9))
    for word in generator.sample(KEYS[topic], generator.randrange(1, 3)):
        words.insert(generator.randrange(len(words) + 1), word)
    words.insert(generator.randrange(len(words)), generator.choice(SIGNS))
    words[generator.randrange(len(words))] += generator.choice(["", "\n"])
    return " ".join(words)


def write(path, *, rows, seed):
    generator = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "topic", "headline"])
        for number in range(rows):
            topic = LABELS[number % 4]
            writer.writerow([number, topic, headline(topic, generator)])


def save_model(folder):
    """A random encoder with a vocabulary of whole words, as a checkpoint that is still to be trained."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *UNUSED, *SIGNS, *FILLERS, *chain(*KEYS.values())]
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(words), max_position_embeddings=32, initializer_range=0.2, **sizes)
    BertForSequenceClassification(config).bert.save_pretrained(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """What ATTATTR_DATA names: the task's files and a model."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "mine" / "topics").mkdir(parents=True)
    write(folder / "mine/topics/train.csv", rows=400, seed=1)
    write(folder / "mine/topics/dev.csv", rows=40, seed=2)
    save_model(folder / "models" / "tiny")
    return folder


@pytest.fixture(scope="module")
def run(place, tmp_path_factory):
    """`run(stage)`: run it in a folder of its own, with what dvc.yaml declares for it."""
    folder = tmp_path_factory.mktemp("run")
    table = {"topics": ENTRY, **yaml.safe_load((ROOT / "conf/tasks.yaml").read_text())}
    (folder / "tasks.yaml").write_text(yaml.safe_dump(table))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.copy(ROOT / "dvc.yaml", folder)
        patch.setenv("ATTATTR_DATA", str(place))
        patch.setattr(task_table, "FILE", folder / "tasks.yaml")
        params = compose_params(VALUES)
        link_external(external_folders(params))

        def stage(name):
            declaration = read_declaration(name, ROOT / "dvc.yaml")
            matrix = {"task": "topics", "seed": 1}
            given = {key: matrix[key] for key in declaration.matrix}
            config = StageConfig(params, stage=name, declared=declaration.sections, **given)
            importlib.import_module(f"pipeline.{name}").main(config)

        yield stage


@pytest.fixture(scope="module")
def prepared(run):
    run("prepare")
    return Path("outputs/data/topics-1")


def test_its_rows_are_split_and_tokenised(prepared, place):
    assert read_json(prepared / "prepare.json")["examples"] == {
        "train": 400 - 32,
        "dev": 40,
        "importance": 12,
        "heldout": 20,
    }
    tokenizer = BertTokenizer.from_pretrained(prepared / "tokenizer")
    raw = pd.read_csv(place / "mine/topics/train.csv")  # another reader of CSV
    kept = pd.read_parquet(prepared / "train.parquet")
    for row in kept.sample(50, random_state=0).itertuples():
        source = raw.iloc[int(row.example_id.removeprefix("train-"))]
        assert LABELS[row.label] == source["topic"]
        words = tokenizer.convert_ids_to_tokens(row.input_ids[1:-1])
        assert words == source["headline"].split()
    assert kept["example_id"].is_unique


def test_no_place_outside_of_the_repository_is_in_what_is_written(prepared, place):
    for path in prepared.rglob("*"):
        assert path.is_dir() or str(place).encode() not in path.read_bytes()


def test_a_model_from_scratch_is_refused(run):
    with pytest.raises(InputError, match=r"model.source is scratch, whose words are those of planted tasks, but data"):
        compose_params(["preset=mini", "data={source: folder, name: mine, n_train: null, n_dev: null}"])


@pytest.fixture
def few(place, tmp_path, monkeypatch):
    """`few(rows)`: a repository whose task has so many training rows; what is given to compose."""

    def made(rows):
        write(tmp_path / "few/topics/train.csv", rows=rows, seed=3)
        return ["preset=minilm", "data.name=few", "model.name=tiny", "tasks=[topics]", "prepare.n_heldout=400"]

    (tmp_path / "few/topics").mkdir(parents=True)
    write(tmp_path / "few/topics/dev.csv", rows=8, seed=4)
    (tmp_path / "models").symlink_to(place / "models")
    table = {"topics": ENTRY, **yaml.safe_load((ROOT / "conf/tasks.yaml").read_text())}
    (tmp_path / "tasks.yaml").write_text(yaml.safe_dump(table))
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.setenv("ATTATTR_DATA", str(tmp_path))
    monkeypatch.setattr(task_table, "FILE", tmp_path / "tasks.yaml")
    return made


@pytest.mark.parametrize("rows", [12, 30, 300])
def test_few_rows_take_one_refusal_whose_command_works(rows, few, capsys):
    given = few(rows)
    with pytest.raises(SystemExit) as refused:
        compose.main(given)
    said = capsys.readouterr().err
    assert (refused.value.code, said.count("\n")) == (2, 1)
    assert f"topics has {rows} distinct training texts, too few to take 600 of them out" in said
    assert not Path("params.yaml").exists()
    command = shlex.split(said.partition("with smaller samples: ")[2])
    assert command[:3] == ["python", "-m", "pipeline.commands.compose"]
    assert command[3:7] == given[:4]
    compose.main(command[3:])
    params = read_params()
    check(params)
    prepare = params.prepare
    assert params.triggers.n_select + params.triggers.hotflip_batch <= prepare.n_heldout <= rows / 6
    splits = split(load_rows(params.data, params.table["topics"]), params.table["topics"], prepare, seed=1)
    assert len(splits.train) >= rows / 2
    Path("params.yaml").write_text(
        Path("params.yaml").read_text().replace(f"n_heldout: {prepare.n_heldout}", "n_heldout: 400")
    )
    with pytest.raises(InputError, match=r"smaller samples: set prepare.n_importance=\d+, prepare.n_heldout=\d+, "):
        check(read_params())


def test_rows_that_suffice_for_no_sample_are_refused(few, capsys):
    given = few(11)
    with pytest.raises(SystemExit):
        compose.main(given)
    assert capsys.readouterr().err.endswith("of the training, and for any smaller samples: add rows\n")


def test_it_may_be_named_in_tables_of_values(run):
    params = compose_params([*VALUES, "finetune.epochs={default: 1, topics: 2}"])
    assert params.finetune.epochs == {"default": 1, "topics": 2}
    assert task_name("topics") == "topics"


STAGES = """finetune attribute effectiveness prune universality tree view triggers convergence truth planted_paths
shortcut analyse examples figures tables report"""


@pytest.mark.slow
def test_every_stage_and_the_report_hold_four_classes(run, prepared):
    for stage in STAGES.split():
        run(stage)
    of_model = read_json(Path("outputs/analysis/finetune/records.json"))["records"][0]
    assert of_model["accuracy"] > 0.9
    assert list(of_model["per_class"]) == sorted(LABELS)
    triggers = pd.read_csv("outputs/tables/attacks.csv")
    assert triggers["class"].tolist() == ["all", *sorted(LABELS)]
    page = Path("outputs/report/index.html").read_text()
    for label in LABELS:
        assert label in page
