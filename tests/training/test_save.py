"""Whether a result can be written is known before it is made, and what was there stays until it has been."""

import errno
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from pipeline.errors import InputError
from pipeline.training import save as saving
from pipeline.training.save import check_saving, save


class Tokenizer:
    """Of a tokenizer only that it is saved matters here."""

    def save_pretrained(self, folder: Path) -> None:
        (Path(folder) / "tokenizer.json").write_text("{}")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "rte-1"
    folder.mkdir(parents=True)
    (folder / "of-before").write_text("x")
    return folder


def test_what_is_saved_is_loaded_again(tiny_model, tmp_path, old):
    model = tiny_model(seed=4)
    save(model, Tokenizer(), old)
    again = AutoModelForSequenceClassification.from_pretrained(old)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert {path.name for path in old.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json"}
    assert [path.name for path in old.parent.iterdir()] == ["rte-1"]


def test_the_check_leaves_everything_as_it_was(tiny_model, tmp_path, old):
    before = everything(tmp_path)
    check_saving(tiny_model(), Tokenizer(), old, files=(tmp_path / "metrics" / "rte-1.json", old.parent / "x.parquet"))
    assert everything(tmp_path) == before
    assert {path.name for path in tmp_path.rglob("*")} == {"models", "rte-1", "of-before", "metrics"}


def test_a_config_that_cannot_be_saved_is_found_before(tiny_model, tmp_path, old):
    published = tmp_path / "published"
    tiny_model().save_pretrained(published)
    config = json.loads((published / "config.json").read_text())
    # It loads and trains, but sdpa gives no attentions.
    (published / "config.json").write_text(json.dumps(config | {"output_attentions": True}))
    model = AutoModelForSequenceClassification.from_pretrained(published)
    shutil.rmtree(published)
    with pytest.raises(InputError, match=r"cannot be saved; mend its config.json: .*output_attentions") as caught:
        check_saving(model, Tokenizer(), old, files=())
    assert "\n" not in str(caught.value)
    assert everything(tmp_path) == {"models/rte-1/of-before": b"x"}


def no_folder(path: Path, monkeypatch) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("a file")


def full_disk(path: Path, monkeypatch) -> None:
    class Full(Tokenizer):
        def save_pretrained(self, folder: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Tokenizer, "save_pretrained", Full.save_pretrained)


@pytest.mark.parametrize("obstacle", [no_folder, full_disk])
@pytest.mark.parametrize("action", [save, lambda *given: check_saving(*given, files=())])
def test_a_folder_that_cannot_be_written_is_named(tiny_model, old, monkeypatch, obstacle, action):
    obstacle(old, monkeypatch)
    with pytest.raises(InputError, match=rf"^{re.escape(str(old))} cannot be written: [A-Z].*$"):
        action(tiny_model(), Tokenizer(), old)
    assert not list(old.parent.glob(".*"))


def test_a_file_beside_it_that_cannot_be_written_is_named(tiny_model, tmp_path, old):
    (tmp_path / "metrics").write_text("a file")
    path = tmp_path / "metrics" / "rte-1.json"
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))} cannot be written: File exists$"):
        check_saving(tiny_model(), Tokenizer(), old, files=(path,))


def test_a_save_that_is_cut_off_leaves_what_was_there(tiny_model, old, monkeypatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(saving, "put_in_place", killed)
    with pytest.raises(KeyboardInterrupt):
        save(tiny_model(), Tokenizer(), old)
    assert [path.name for path in old.iterdir()] == ["of-before"]
