"""The stages `prepare` and `finetune` on someone else's checkpoint, as `finetune.epochs=0` takes it."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet
import pytest
import torch
from safetensors.torch import load_file, save_file

from attattr.errors import AttributionError
from pipeline import finetune, prepare
from pipeline.data.planted import generate, vocabulary
from pipeline.data.tokenise import SPECIAL_TOKENS
from pipeline.errors import InputError
from pipeline.training.checkpoints import LastEpoch
from pipeline.values.config import ENTRY, StageConfig
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params
from pipeline.values.store import write_rows

DECLARED = frozenset({"data", "model", "prepare", "finetune", ENTRY})


@pytest.fixture
def stages(tmp_path, monkeypatch, tiny_model):
    """`stages(*overrides, names=...)`: both stages on the checkpoint `mine of sst2`, whose labels have these names."""
    from transformers import AutoModelForSequenceClassification, BertTokenizer

    monkeypatch.chdir(tmp_path)
    shutil.copy(SOURCE / "dvc.yaml", tmp_path)
    folder = Path("external/models/mine {of} sst2")
    words = [*SPECIAL_TOKENS, *vocabulary("negation")]
    config = tiny_model(labels=2).config
    config.vocab_size, config.max_position_embeddings = len(words), 32
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    BertTokenizer(vocab={word: place for place, word in enumerate(words)}).save_pretrained(folder)
    # The planted sentences pass for SST-2.
    rows = generate("negation", n_train=60, n_dev=20)
    for split, name in (("train", "train"), ("dev", "validation")):
        write_rows(Path(f"external/glue/sst2/{name}.parquet"), [{"idx": 0} | row for row in rows[split]])

    def run(*overrides, names=None):
        stored = json.loads((folder / "config.json").read_text())
        if names:
            stored["id2label"] = dict(enumerate(names))
        (folder / "config.json").write_text(json.dumps(stored))
        given = ["preset=minilm", "tasks=[sst2]", "seeds=[1]", "model.name='mine {of} {task}'", "prepare.max_length=32"]
        given += [
            "prepare.n_importance=5",
            "prepare.n_heldout=5",
            "triggers.n_select=3",
            "triggers.hotflip_batch=2",
            "run.tracking.mode=disabled",
        ]
        params = compose_params([*given, *overrides])
        for stage in (prepare, finetune):
            name = stage.__name__.rpartition(".")[2]
            stage.main(StageConfig(params, stage=name, declared=DECLARED, task="sst2", seed=1))
        return folder, Path("outputs/models/sst2-1")

    return run


def labels_of(folder):
    return json.loads((folder / "config.json").read_text())["checkpoint_labels"]


def correct(rows):
    return sum(row["predicted"] == row["label"] for row in rows)


def test_with_0_epochs_nothing_of_the_weights_changes(stages):
    mine, saved = stages("finetune.epochs=0", names=["negative", "positive"])
    assert (saved / "model.safetensors").read_bytes() == (mine / "model.safetensors").read_bytes()
    assert labels_of(saved) == {"negative": "0 negative", "positive": "1 positive"}


def test_with_0_epochs_the_other_order_of_labels_gives_the_other_predictions(stages):
    stages("finetune.epochs=0", names=["negative", "positive"])
    before = pyarrow.parquet.read_table("outputs/predictions/sst2-1.parquet").to_pylist()
    _, saved = stages("finetune.epochs=0", names=["POS", "NEG"])
    after = pyarrow.parquet.read_table("outputs/predictions/sst2-1.parquet").to_pylist()
    assert correct(before) + correct(after) == len(before)
    assert labels_of(saved) == {"negative": "1 NEG", "positive": "0 POS"}
    for one, other in zip(before, after, strict=True):
        assert other["logits"] == pytest.approx(one["logits"][::-1], abs=1e-6)


def test_a_wrong_tokenizer_is_refused_before_anything_is_written(stages):
    from transformers import BertTokenizer

    folder = Path("external/models/mine {of} sst2")
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    words = [*SPECIAL_TOKENS, *(f"word{number}" for number in range(size - 5))]
    BertTokenizer(vocab={word: place for place, word in enumerate(words)}).save_pretrained(folder)
    with pytest.raises(InputError, match=r"tokens of sst2 are \[UNK\], above prepare.max_unknown, 0.05"):
        stages("finetune.epochs=0")
    assert not Path("outputs").exists()


def test_a_text_that_the_tokenizer_empties_is_refused_before_anything_is_written(stages):
    rows = [{"sentence": text, "label": 1} for text in ("the soup was good .", "\xad\u200b")]
    write_rows(Path("external/glue/sst2/validation.parquet"), rows)
    line = r"sst2/validation row 1, column sentence, is empty to the model: its tokenizer drops '\\xad\\u200b'"
    with pytest.raises(AttributionError, match=line):
        stages("finetune.epochs=0")
    assert not Path("outputs").exists()


def test_examples_of_another_model_are_refused_before_any_training(stages):
    from transformers import BertTokenizer

    mine, _ = stages("finetune.epochs=0")
    words = [*SPECIAL_TOKENS, *reversed(vocabulary("negation"))]
    BertTokenizer(vocab={word: place for place, word in enumerate(words)}).save_pretrained(mine)
    params = compose_params(["preset=minilm", "tasks=[sst2]", "model.name='mine {of} {task}'"])
    with pytest.raises(InputError, match=r"outputs/data/.* was made with another tokenizer than that of the model"):
        finetune.main(StageConfig(params, stage="finetune", declared=DECLARED, task="sst2", seed=1))


class CutOff(Exception):
    """Stands for a kill after the first epoch."""


@pytest.fixture
def written(stages, monkeypatch):
    """`written(*overrides)`: the predictions after three epochs. `written.cut_off()`: one epoch, and nothing more."""
    given = ("finetune.epochs=3", "finetune.lr=0.01", "prepare.n_train=24", "finetune.batch_size=8")
    save, threads = LastEpoch.on_train_epoch_end, torch.get_num_threads()
    torch.set_num_threads(1)  # more may add numbers in another order

    def written(*overrides):
        stages(*given, *overrides)
        return Path("outputs/predictions/sst2-1.parquet").read_bytes()

    def cut_off(*overrides):
        def save_and_fail(*arguments):
            save(*arguments)
            raise CutOff

        with monkeypatch.context() as patch:
            patch.setattr(LastEpoch, "on_train_epoch_end", save_and_fail)
            with pytest.raises(CutOff):
                written(*overrides)

    written.cut_off = cut_off
    yield written
    torch.set_num_threads(threads)


def test_a_training_that_was_cut_off_goes_on_only_from_the_weights_that_are_there_now(written, caplog):
    """Its predictions are those of a run that was not cut off."""
    caplog.set_level("INFO", "pipeline")
    folder = Path("external/models/mine {of} sst2")

    def with_other_weights():
        weights = load_file(folder / "model.safetensors")
        save_file(
            {name: values.roll(1) for name, values in weights.items()}, folder / "model.safetensors", {"format": "pt"}
        )

    first = written()
    caplog.clear()
    written.cut_off()
    for path in (folder, *folder.iterdir()):
        path.touch()
    assert written() == first
    assert "resuming: 1 of 3 epochs are done" in caplog.messages
    written.cut_off()
    with_other_weights()
    caplog.clear()
    anew = written()
    assert [line.partition(":")[0] for line in caplog.messages if "anew" in line or "resum" in line] == [
        "starting anew"
    ]
    assert anew == written() != first


@pytest.mark.slow
def test_the_best_epoch_is_the_same_wherever_the_repository_lies_by_then(written, tmp_path, monkeypatch):
    whole = written("finetune.select=best")
    written.cut_off("finetune.select=best")
    moved = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    monkeypatch.chdir(moved)
    assert written("finetune.select=best") == whole
