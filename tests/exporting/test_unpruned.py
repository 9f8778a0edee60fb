"""A pruned export with all heads again: the same logits, 0 for heads that are gone, and none of its code run."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

from attattr import attribute, masked_heads
from pipeline.errors import InputError
from pipeline.exporting.left import is_pruned, pruned_words
from pipeline.exporting.pruned import CLASSES, pruned
from pipeline.exporting.unpruned import unpruned

MASK = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0]])


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "small"


def opened(folder):
    return unpruned(AutoConfig.from_pretrained(folder, trust_remote_code=False), folder)


@pytest.mark.parametrize("family", sorted(CLASSES))
def test_the_logits_are_those_of_the_masked_model_and_code_is_not_run(
    family, folder, tiny_model, random_examples, padded
):
    model = tiny_model(family, layers=3)
    pruned(model, MASK).save_pretrained(folder)
    (folder / "modeling_pruned.py").write_text("raise SystemExit('this code was run')")
    inputs = padded(model, random_examples([6, 13]))
    whole = opened(folder)
    assert type(whole) is type(model)
    with torch.no_grad():
        assert torch.allclose(whole(**inputs).logits, masked_heads(model, MASK)(**inputs).logits, atol=1e-5)


def test_a_head_that_is_gone_scores_zero_and_others_as_in_the_masked_model(folder, tiny_model, random_examples, padded):
    model = tiny_model(layers=3)
    pruned(model, MASK).save_pretrained(folder)
    inputs = padded(model, random_examples([6, 13]))
    scores = attribute(opened(folder), **inputs, target=0).attribution
    gone = torch.stack([scores[one, layer, head] for one in (0, 1) for layer, head in (MASK == 0).nonzero().tolist()])
    left = torch.stack([scores[one, layer, head] for one in (0, 1) for layer, head in MASK.nonzero().tolist()])
    assert bool((gone == 0).all())
    assert bool((left.abs().amax(dim=(1, 2)) > 0).all())


def test_it_says_how_many_heads_are_left(folder, tiny_model):
    model = tiny_model(layers=3)
    assert pruned_words(model.config) == ""
    pruned(model, MASK).save_pretrained(folder)
    assert pruned_words(opened(folder).config).startswith("pruned, 5 of 12 heads left; those taken out score 0")
    assert is_pruned(AutoConfig.from_pretrained(folder), folder)
    model.save_pretrained(folder.with_name("whole"))
    assert not is_pruned(AutoConfig.from_pretrained(folder.with_name("whole")), folder.with_name("whole"))


@pytest.mark.parametrize("kept", [[[0], [1]], [[0], [1], [4]], [[0], [1], 2], "all", [[0, 1], [2], [0]]])
def test_heads_that_do_not_fit_are_refused(folder, tiny_model, kept):
    pruned(tiny_model(layers=3), MASK).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"kept_heads": kept}))
    with pytest.raises(InputError, match=r"small (is no export of a bert|lacks weights).*make it again"):
        opened(folder)


def test_weights_that_are_damaged_are_refused(folder, tiny_model):
    pruned(tiny_model(layers=3), MASK).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    save_file({name: one for name, one in weights.items() if name != "classifier.bias"}, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"lacks weights, or holds them in another shape, classifier\.bias"):
        opened(folder)
    save_file(weights | {"classifier.bias": weights["classifier.bias"] / 0}, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"not finite, classifier\.bias"):
        opened(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no readable model\.safetensors"):
        opened(folder)
