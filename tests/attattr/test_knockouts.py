"""Knock-outs of edges against the plain model with the attention changed by hand."""

import math

import pytest
import torch

from attattr import AttributionError
from attattr.inputs import Inputs
from attattr.knockouts import knock_outs, lost


def given(model, padded, example):
    inputs = padded(model, [example])
    return inputs, Inputs(inputs["input_ids"], inputs["attention_mask"], inputs.get("token_type_ids"))


@pytest.mark.parametrize("per_head", [True, False])
@pytest.mark.parametrize("family", ["bert", "distilbert", "albert", "modernbert"])
def test_every_edge_by_brute_force(tiny_model, random_examples, padded, with_attention, family, per_head):
    model = tiny_model(family, layers=3).double()
    (example,) = random_examples([5])
    plain, inputs = given(model, padded, example)
    logits, whole = knock_outs(model, inputs, per_head=per_head, token_budget=17)
    expected, probs = with_attention(model, plain)
    assert torch.allclose(whole, expected[0], atol=1e-10)
    assert logits.shape == (3, 4 if per_head else 1, 5, 5, 3)
    for layer in range(3):
        for head in range(logits.shape[1]):
            for query in range(5):
                for key in range(5):
                    changed = probs[layer].detach().clone()
                    changed[:, head if per_head else slice(None), query, key] = 0
                    without, _ = with_attention(model, plain, {layer: changed})
                    assert torch.allclose(logits[layer, head, query, key], without[0], atol=1e-9)


def test_the_model_is_left_as_it_was(tiny_model, random_examples, padded):
    model = tiny_model().train()
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    _, inputs = given(model, padded, random_examples([5])[0])
    knock_outs(model, inputs, per_head=True)
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(weights, before[name]) for name, weights in model.state_dict().items())


def test_an_unsupported_model_is_refused(tiny_model, random_examples, padded):
    model = tiny_model()
    _, inputs = given(model, padded, random_examples([5])[0])
    model.config.model_type = "gpt2"
    with pytest.raises(AttributionError, match="model family 'gpt2' is not supported"):
        knock_outs(model, inputs, per_head=True)


def test_what_an_output_loses_by_hand():
    whole, logits = torch.tensor([2.0, 0.0]), torch.tensor([[[1.0, 0.0]], [[0.0, 3.0]]])
    margins = lost(logits, whole, target=torch.tensor(0), output="margin")
    torch.testing.assert_close(margins, torch.tensor([[1.0], [5.0]], dtype=torch.float64))
    probability = lost(logits, whole, target=torch.tensor(1), output="probability")
    expected = [[1 / (1 + math.exp(2)) - 1 / (1 + math.e)], [1 / (1 + math.exp(2)) - 1 / (1 + math.exp(-3))]]
    torch.testing.assert_close(probability, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0)
