"""The fine-tuned model as the stages that use it load it."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import InputError
from pipeline.predicting.load import listed, load_classifier, load_finetuned

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


IDS = torch.randint(5, 60, (3, 7), generator=torch.Generator().manual_seed(0))


def loaded_logits(folder):
    with torch.no_grad():
        return load_classifier(str(folder), remedy="use another").model.eval()(input_ids=IDS).logits


ADAPTERS = ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "pytorch_adapter.bin"]


@pytest.mark.parametrize("name", [*ADAPTERS, "adapters/mine/adapter_config.json"])
@pytest.mark.parametrize("shards", ["1GB", "20KB"])
def test_an_adapter_beside_the_weights_is_refused_with_the_remedy(folder, tiny_model, name, shards):
    tiny_model(labels=2).save_pretrained(folder, max_shard_size=shards)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"{}")
    with pytest.raises(InputError) as caught:
        load_classifier(str(folder), remedy="use another")
    assert str(caught.value) == (
        f"{folder} holds an adapter ({name}), without which it is another model: merge it into the weights, with "
        "peft's merge_and_unload().save_pretrained(...), in a folder of its own"
    )


def test_an_adapter_of_the_hub_is_refused(monkeypatch):
    monkeypatch.setattr(
        "transformers.utils.peft_utils.find_adapter_config_file",
        lambda name, revision: f"/cache/{revision}/{name}.json",
    )
    with pytest.raises(InputError, match=r"me/lora holds an adapter \(lora.json\)"):
        load_classifier("me/lora", remedy="use another")


def test_weights_merged_by_hand_give_the_logits_of_the_adapter(folder, tiny_model):
    """LoRA is W + B A; what the remedy leaves is loaded, with its logits and not those of the base."""
    base, merged = tiny_model(labels=2), tiny_model(labels=2)
    change = [torch.randn(32, 2, generator=torch.Generator().manual_seed(1)), torch.ones(2, 32) / 8]
    query = merged.bert.encoder.layer[0].attention.self.query.weight.data
    query += change[0] @ change[1]
    merged.save_pretrained(folder)
    query -= change[0] @ change[1]
    with torch.no_grad():
        hooked = merged.bert.encoder.layer[0].attention.self.query.register_forward_hook(
            lambda _, given, out: out + given[0] @ (change[0] @ change[1]).T
        )
        expected = merged(input_ids=IDS).logits
        hooked.remove()
        assert torch.allclose(loaded_logits(folder), expected, atol=1e-5)
        assert not torch.allclose(base(input_ids=IDS).logits, expected, atol=1e-2)


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_two_sets_of_weights_that_differ_are_refused(folder, tiny_model, prefix):
    other = {name.removeprefix(prefix): weights for name, weights in tiny_model(labels=2, seed=5).state_dict().items()}
    torch.save(other, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"holds weights twice, and .* of pytorch_model\.bin is another"):
        loaded_logits(folder)
    (folder / "pytorch_model.bin").unlink()
    tiny_model(labels=2, seed=5).save_pretrained(folder / "sharded", max_shard_size="20KB")
    for path in (folder / "sharded").glob("model-*"):
        path.rename(folder / path.name)
    with pytest.raises(InputError, match=r"of model-00001-of-00005\.safetensors is another"):
        loaded_logits(folder)


def test_what_lies_beside_weights_without_changing_them_is_no_matter(folder, tiny_model):
    original = tiny_model(labels=2)
    torch.save({name: weights.half() for name, weights in original.state_dict().items()}, folder / "pytorch_model.bin")
    save_file({"weight": torch.ones(2, dtype=torch.int8)}, folder / "another.safetensors")
    for name in ("README.md", "optimizer.pt", "training_args.bin", "tf_model.h5", "flax_model.msgpack", "modules.json"):
        (folder / name).write_bytes(b"beside")
    for name in ("checkpoint-10/adapter_config.json", "runs/adapter_model.bin", "onnx/model.onnx"):
        Path(folder / name).parent.mkdir()
        (folder / name).write_bytes(b"beside")
    with torch.no_grad():
        assert torch.equal(loaded_logits(folder), original(input_ids=IDS).logits)
    (folder / "pytorch_model.bin").write_text("version https://git-lfs.github.com/spec/v1")
    assert loaded_logits(folder).shape == (3, 2)


@pytest.mark.parametrize("name", ["lora_A.weight", "prompt_embeddings", "heads.0.modules_to_save.weight"])
def test_weights_of_adapters_are_no_heads_of_pretraining(folder, name):
    weights = load_file(folder / "model.safetensors") | {name: torch.ones(2)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert refusal(folder) == f"rte-1 holds weights that its model does not have, {name}: run finetune again"
