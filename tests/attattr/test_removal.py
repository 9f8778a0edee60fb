"""Heads taken out of the weights: the same logits as under a mask, and a model that can be attributed."""

import copy

import pytest
import torch
from torch.nn.utils.parametrizations import weight_norm

from attattr import AttributionError, attribute, masked_heads
from attattr.removal import removed_heads

MASK = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]])


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert", "modernbert"])
def test_the_logits_are_those_under_a_mask(tiny_model, random_examples, padded, family):
    model = tiny_model(family)
    inputs = padded(model, random_examples([6, 9]))
    with torch.no_grad():
        expected = masked_heads(model, MASK)(**inputs).logits
        assert torch.allclose(removed_heads(model, MASK)(**inputs).logits, expected, atol=1e-5)
        assert not torch.allclose(model(**inputs).logits, expected, atol=1e-2)


def test_a_removed_heads_scores_are_zero_and_the_others_complete(tiny_model, random_examples, padded):
    """Of each layer they sum to what the output loses without its attention, in the model as it is then."""
    model = removed_heads(tiny_model(), MASK)
    inputs = padded(model, random_examples([6, 9]))
    found = attribute(model, **inputs, target=0, steps=16, rule="gauss_legendre")
    of_layers = found.attribution.sum(dim=(2, 3, 4))
    for layer in range(2):
        mask = torch.ones(2, 4)
        mask[layer] = 0
        with torch.no_grad():
            without = masked_heads(model, mask)(**inputs).logits.softmax(dim=1)[:, 0]
        assert torch.allclose(of_layers[:, layer], found.output - without, atol=1e-3)
    assert torch.equal(found.attribution.abs().sum(dim=(0, 3, 4)) > 0, MASK.bool())


def test_the_models_own_weights_stay_and_all_others_are_shared(tiny_model):
    model = tiny_model()
    before = copy.deepcopy(model.state_dict())
    without = removed_heads(model, torch.zeros(2, 4))
    changed = {
        name for name, weight in without.named_parameters() if weight.data_ptr() != model.get_parameter(name).data_ptr()
    }
    assert changed == {f"bert.encoder.layer.{layer}.attention.output.dense.weight" for layer in range(2)}
    assert not any(without.get_parameter(name).any() for name in changed)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("mask", [torch.ones(3, 4), torch.ones(1, 2, 4), torch.full((2, 4), 0.5)])
def test_a_mask_that_is_none_is_refused(tiny_model, mask):
    with pytest.raises(AttributionError, match=r"a 1 or a 0 for each of \(layer, head\) = \(2, 4\)"):
        removed_heads(tiny_model(), mask)


def test_models_whose_projections_cannot_be_changed_are_refused(tiny_model):
    with pytest.raises(AttributionError, match="albert applies a layer several times"):
        removed_heads(tiny_model("albert"), MASK)
    model = tiny_model()
    weight_norm(model.bert.encoder.layer[1].attention.output.dense)
    with pytest.raises(AttributionError, match="parametrized"):
        removed_heads(model, MASK)
