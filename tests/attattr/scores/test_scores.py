"""What all edge scores have in common, and each against its definition, on tiny models."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import attattr.scores
from attattr import AttributionError, attribute, gradient_x_attention
from attattr.scores import SCORES, edge_scores
from attattr.scores.contribution import contributions

FAMILIES = ("bert", "distilbert", "modernbert")
OF_A_CLASS = ("gradient_x_attention", "attribution", "joint")


def test_every_file_is_a_score_of_the_table():
    files = {path.stem for path in Path(attattr.scores.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {*SCORES}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("score", SCORES)
def test_a_batch_has_the_scores_of_its_examples_and_none_at_padding(
    tiny_model: Callable[..., Any], random_examples: Any, padded: Any, score: str, family: str
):
    model, examples = tiny_model(family).double(), random_examples([6, 9, 4])
    found = edge_scores(model, score, **padded(model, examples, width=11), target="predicted")
    heads = 1 if score == "contribution" else 4
    assert found.shape == (3, 2, heads, 11, 11)
    for row, example in zip(found, examples, strict=True):
        n = len(example)
        (alone,) = edge_scores(model, score, **padded(model, [example]), target="predicted")
        # The steps of an integral are chosen for each example, but in other batches by sums of another order.
        torch.testing.assert_close(row[:, :, :n, :n], alone, rtol=1e-6, atol=1e-9)
        assert not row[:, :, n:].any()
        assert not row[:, :, :, n:].any()
        assert alone.any()


@pytest.mark.parametrize("score", SCORES)
def test_scores_are_of_the_class_and_output_that_is_asked_for_or_of_none(
    tiny_model: Callable[..., Any], random_examples: Any, padded: Any, score: str
):
    model = tiny_model(labels=3)
    inputs = padded(model, random_examples([7]))
    first, second = (edge_scores(model, score, **inputs, target=target) for target in (0, 1))
    logit = edge_scores(model, score, **inputs, target=0, output="logit")
    assert (not torch.equal(first, second)) == (score in OF_A_CLASS)
    assert (not torch.equal(first, logit)) == (score in OF_A_CLASS)


def test_attention_and_values_by_a_plain_forward_pass(
    tiny_model: Callable[..., Any], random_examples: Any, padded: Any, with_attention: Any
):
    model = tiny_model(layers=3)
    inputs = padded(model, random_examples([8]))
    _, probs = with_attention(model, inputs)
    attention = torch.stack([layer[0].detach() for layer in probs])
    torch.testing.assert_close(edge_scores(model, "attention", **inputs, target=0)[0], attention)
    projection = model.bert.encoder.layer[0].attention.self.value
    states = model.bert.embeddings(inputs["input_ids"], inputs["token_type_ids"])
    values = projection(states).view(8, 4, 8).transpose(0, 1).detach()
    expected = torch.stack([attention[0, head] * values[head].norm(dim=1) for head in range(4)])
    torch.testing.assert_close(edge_scores(model, "value_weighted", **inputs, target=0)[0, 0], expected)


def test_contributions_of_a_layer_worked_out_by_hand():
    """Two tokens, one head of width 1, a hidden size of 2; each token's value is 1, written to the first place."""
    layer = SimpleNamespace(heads=1, output_weight=torch.tensor([[1.0], [0.0]]), output_bias=torch.tensor([0.0, 1.0]))
    x, probs = torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.tensor([[[0.25, 0.75], [0.0, 1.0]]])
    found = contributions(layer, x, probs, torch.ones(1, 2, 1))  # type: ignore[arg-type]
    # Token 0 gives (1, 2): (0.25, 1) from itself, (0.75, 0) from token 1. |y| = 3; distances 1.75 and 2.25.
    # Token 1 gives (3, 1): all but the bias from itself, nothing from token 0. |y| = 4; distances 4 and 1.
    torch.testing.assert_close(found, torch.tensor([[1.25 / 2, 0.75 / 2], [0.0, 1.0]]))


def test_contributions_are_shares_of_what_a_models_attention_blocks_give(
    tiny_model: Callable[..., Any], random_examples: Any, padded: Any, with_attention: Any
):
    model = tiny_model(layers=3)
    inputs = padded(model, random_examples([8]))
    found = edge_scores(model, "contribution", **inputs, target=0)[0, :, 0]
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(3, 8))
    assert float(found.min()) >= 0
    # By the model's own modules, one pair of tokens after the other.
    layer = model.bert.encoder.layer[0].attention
    x = model.bert.embeddings(inputs["input_ids"], inputs["token_type_ids"])[0].detach()
    probs = with_attention(model, inputs)[1][0][0].detach()
    values = layer.self.value(x).view(8, 4, 8).detach()
    taken = torch.zeros(8, 8, 32)
    for query in range(8):
        for key in range(8):
            context = (probs[:, query, key, None] * values[key]).flatten()
            taken[query, key] = layer.output.dense.weight.detach() @ context + (x[query] if query == key else 0)
    given = taken.sum(dim=1) + layer.output.dense.bias.detach()
    near = torch.tensor(
        [
            [max(0.0, float(given[q].abs().sum() - (given[q] - taken[q, k]).abs().sum())) for k in range(8)]
            for q in range(8)
        ]
    )
    torch.testing.assert_close(found[0], near / near.sum(dim=1, keepdim=True), rtol=1e-3, atol=1e-4)


def test_scores_of_a_class_are_the_calls_that_they_name(
    tiny_model: Callable[..., Any], random_examples: Any, padded: Any
):
    model = tiny_model()
    inputs: dict[str, Any] = {**padded(model, random_examples([8, 5])), "target": 1, "output": "margin"}
    for score, result in {
        "attribution": attribute(model, **inputs),
        "joint": attribute(model, **inputs, path="joint"),
        "gradient_x_attention": gradient_x_attention(model, **inputs),
    }.items():
        assert torch.equal(edge_scores(model, score, **inputs), result.attribution)


def test_the_model_is_left_as_it_was(tiny_model: Callable[..., Any], random_examples: Any, padded: Any):
    model = tiny_model().train()
    inputs = padded(model, random_examples([6]))
    for score in SCORES:
        edge_scores(model, score, **inputs, target=0)
        assert model.training
        assert all(parameter.requires_grad for parameter in model.parameters())


def test_what_is_no_score_and_no_input_is_refused(tiny_model: Callable[..., Any], random_examples: Any, padded: Any):
    model = tiny_model()
    inputs = padded(model, random_examples([6]))
    with pytest.raises(AttributionError, match=r"score is 'rollout': it must be one of attention, .*, value_weighted$"):
        edge_scores(model, "rollout", **inputs, target=0)
    foreign = {**inputs, "input_ids": inputs["input_ids"] + 1000}
    for score in SCORES:
        with pytest.raises(AttributionError, match="input_ids holds"):
            edge_scores(model, score, **foreign, target=0)
