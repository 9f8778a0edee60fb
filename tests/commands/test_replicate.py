"""One replicate by one command: which stages it runs, how it goes on, what it keeps and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from outcomes_by_hand import write_model
from run_by_hand import processes, until
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertTokenizer

from pipeline.commands.replicate import _save_encoder, main
from pipeline.errors import InputError
from pipeline.kept import stages
from pipeline.kept.records import Item
from pipeline.launch.times import source_digest
from pipeline.values.paths import SOURCE, times_file
from pipeline.values.store import read_json, write_json

GIVEN = ("preset=mini", "task=negation", "seed=2")
TINY = (
    *("data.n_train=60", "data.n_dev=20", "model.layers=2", "model.heads=2", "model.hidden=16"),
    *("model.intermediate=16", "prepare.n_importance=10", "prepare.n_heldout=5", "finetune.epochs=1"),
    *("attribute.steps=2", "attribute.n_mine=5", "triggers.n_select=3", "triggers.hotflip_batch=2"),
    *("triggers.n_eval=10", "triggers.n_triggers=5", "tree.n_examples=2", "tree.random_trees=3"),
    *("convergence.n_examples=2", "convergence.n_judged=3", "convergence.steps=[2,20]"),
    *("convergence.reference_steps=8", "truth.n_examples=2"),
)
MEASURING = ["prepare", "finetune", "attribute", "effectiveness", "prune", "tree", "triggers", "convergence", "truth"]


@pytest.fixture
def ran(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that the command runs, which leave outcomes at once; those named in `fail` are refused."""
    shutil.copy(SOURCE / "dvc.yaml", workspace)
    found: list[str] = []

    def run_stage(stage: str, item: str = "", *, log: Path | None = None) -> None:
        if Path("fail").is_file() and stage == Path("fail").read_text():
            raise InputError(f"stage {stage}@{item} failed: no more")
        if not item:
            names = (*Item("negation", 2).stages, *Item(None, 2).stages)
            Path("outputs/source").mkdir(parents=True, exist_ok=True)
            for name in names:
                Path(f"outputs/source/{name}.txt").write_text(os.environ.get("SAID", "as it is"))
            return
        found.append(f"{stage}@{item}")
        if stage == "prepare":
            write_model(Path(), "negation", 2)
        known = {"seconds": 2.0, "started": "2026-12-01", "machine": "a processor", "versions": {"torch": "2"}}
        write_json(times_file(Path(), stage, item), known | {"source": source_digest(Path(), stage)})

    monkeypatch.setattr(stages, "run_stage", run_stage)
    return found


def test_a_replicate_is_measured_in_the_order_of_the_graph_kept_and_its_work_removed(ran, exit_code, capsys):
    assert exit_code(main, ["results/mine", *GIVEN]) == 0
    assert ran == [*(f"{stage}@negation-2" for stage in (*MEASURING, "shortcut")), "planted_paths@2"]
    assert len(capsys.readouterr().out.splitlines()) == len(ran) + 1
    assert [path.name for path in Path("replicates").iterdir()] == []
    record = read_json(Path("results/mine/outputs/replicates/negation-2.json"))
    assert record["stages"]["tree"]["seconds"] == 2.0
    assert all((Path("results/mine") / name).is_file() for name in record["files"])
    # The folder's values are the preset's, of no machine and no replicate, so that clones do not differ in them.
    before = Path("results/mine/params.yaml").read_bytes()
    assert exit_code(main, ["results/mine", *GIVEN]) == 2
    assert "has negation-2 already" in capsys.readouterr().err
    Path("results/mine/outputs/replicates/negation-2.json").unlink()
    assert exit_code(main, ["results/other", "trainer=gpu", *GIVEN]) == 0
    assert Path("results/other/params.yaml").read_text().split("\n", 1)[1] == before.decode().split("\n", 1)[1]


def test_one_that_failed_goes_on_with_what_is_not_done(ran, exit_code, capsys):
    work = Path("replicates/mini-negation-2")
    work.mkdir(parents=True)
    (work / "fail").write_text("tree")
    assert exit_code(main, ["results/mine", *GIVEN]) == 2
    said = capsys.readouterr().err
    assert said == "error: stage tree@negation-2 failed: no more\n"
    assert not Path("results/mine").exists()
    (work / "fail").unlink()
    done = ran.copy()
    ran.clear()
    assert exit_code(main, ["results/mine", *GIVEN]) == 0
    assert not {*done} & {*ran}
    assert "prune@negation-2: done before, 2.0 s\n" in capsys.readouterr().out


def test_unfinished_work_of_other_values_or_source_is_refused(ran, exit_code, capsys, monkeypatch):
    work = Path("replicates/mini-negation-2")
    work.mkdir(parents=True)
    (work / "fail").write_text("tree")
    assert exit_code(main, ["results/mine", *GIVEN]) == 2
    capsys.readouterr()
    assert exit_code(main, ["results/mine", *GIVEN, "tree.tau=0.5"]) == 2
    assert "unfinished work of other values" in capsys.readouterr().err
    monkeypatch.setenv("SAID", "something else")
    assert exit_code(main, ["results/mine", *GIVEN]) == 2
    assert "prepare was run from other source" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["preset=mini", "task=negation"], "seed is missing"),
        (["preset=mini", "task=negation", "seed=x"], "seed is x"),
        (["preset=mini", "task=zebra", "seed=1"], "zebra"),
        ([*GIVEN, "tasks=[inference]"], "one task and one seed"),
        ([*GIVEN, "tree.tau=7"], "tree.tau is 7"),
        ([*GIVEN, "--without", "tree"], "may only lack"),
    ],
)
def test_what_compose_refuses_and_more_is_refused_before_any_work(ran, exit_code, capsys, given, said):
    assert exit_code(main, ["results/mine", *given]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1
    assert (ran, Path("replicates").exists(), Path("results").exists()) == ([], False, False)


@pytest.mark.slow
def test_one_that_was_killed_goes_on(workspace):
    shutil.copy(SOURCE / "dvc.yaml", workspace)
    command = [sys.executable, "-m", "pipeline.commands.replicate", "results/mine", *GIVEN, *TINY]
    command += ["--without", "shortcut", "--without", "planted_paths"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    work = Path("replicates/mini-negation-2")
    until(lambda: times_file(work, "finetune", "negation-2").is_file(), seconds=600)
    process.kill()
    process.communicate()
    until(lambda: not processes(work.resolve()))  # the stage ends, as its parent is no more
    trained = times_file(work, "finetune", "negation-2").read_bytes()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=900)
    assert (process.returncode, err) == (0, "")
    assert "finetune@negation-2: done before" in out
    record = read_json(Path("results/mine/outputs/replicates/negation-2.json"))
    assert [*record["stages"]] == sorted(MEASURING)
    assert record["stages"]["finetune"]["seconds"] == json.loads(trained)["seconds"]
    assert not work.exists()


@pytest.mark.usefixtures("workspace")
def test_a_kept_encoder_starts_a_task_of_other_labels(tiny_model, tmp_path):
    """As transformers loads it: every weight of the encoder, and a new classifier."""
    weights = Path("outputs/models/mnli-2")
    trained = tiny_model(labels=3)
    trained.save_pretrained(weights)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(55))]
    BertTokenizer(vocab={word: place for place, word in enumerate(words)}).save_pretrained(weights)
    _save_encoder(Item("mnli", 2), tmp_path / "mnli-2")
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "mnli-2", num_labels=2)
    assert loaded.classifier.out_features == 2
    encoder = trained.base_model.state_dict()
    assert all(torch.equal(tensor, encoder[name]) for name, tensor in loaded.base_model.state_dict().items())
    assert AutoTokenizer.from_pretrained(tmp_path / "mnli-2").get_vocab()["w3"] == words.index("w3")


def test_an_encoder_is_not_saved_over_a_folder(ran, exit_code, capsys, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").touch()
    assert exit_code(main, ["results/mine", *GIVEN, "--encoder", str(tmp_path / "there")]) == 2
    assert "there" in capsys.readouterr().err
    assert not ran
