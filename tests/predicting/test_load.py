"""The fine-tuned model as the stages that use it load it."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import InputError
from pipeline.predicting.load import listed, load_finetuned

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny_model):
    monkeypatch.chdir(tmp_path)
    tiny_model(labels=2).save_pretrained("rte-1")
    return tmp_path / "rte-1"


def refusal(folder):
    with pytest.raises(InputError) as caught:
        load_finetuned(folder.relative_to(folder.parent), CPU)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.endswith(": run finetune again")
    return message


def test_what_was_saved_is_loaded_in_silence(folder, tiny_model, caplog, capfd):
    loaded = load_finetuned(folder, CPU)
    for name, weights in tiny_model(labels=2).state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weights)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_missing_weights_are_named(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert refusal(folder) == "rte-1 lacks weights, classifier.weight: run finetune again"


def test_weights_of_another_shape_are_named(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_labels": 3}))
    line = "rte-1 holds classifier.bias as (2,) and 1 more, but its config says (3,): run finetune again"
    assert refusal(folder) == line


def test_a_file_that_is_cut_off_or_gone_is_one_line(folder):
    os.truncate(folder / "model.safetensors", 1000)
    assert refusal(folder).startswith("rte-1 cannot be loaded (Error while deserializing header")
    (folder / "config.json").write_text("{")
    assert refusal(folder).startswith("rte-1 cannot be loaded (")
    for file in folder.iterdir():
        file.unlink()
    assert refusal(folder).startswith("rte-1 cannot be loaded (")
    folder.rmdir()
    assert refusal(folder) == "rte-1 is not a folder: run finetune again"


def test_a_list_of_names_is_cut_short():
    assert listed(["b", "a"]) == "a, b"
    assert listed(["e", "d", "c", "b", "a"]) == "a, b, c and 2 more"
