"""The rivals' maps against their definitions, on a tiny model."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from attattr import attribute
from pipeline.experiments.tree.rivals import contributions, rival_maps
from pipeline.predicting.examples import Batch, Example, collate

EXAMPLE = Example("dev-0", [2, 11, 12, 13, 3, 14, 15, 3], [0] * 5 + [1] * 3, 1, [[1, 4], [5, 7]])


@pytest.fixture
def model(tiny_model: Callable[..., Any]) -> Any:
    return tiny_model(layers=3)


@pytest.fixture
def batch() -> Batch:
    return collate([EXAMPLE], pad_id=0)


def test_the_rivals_are_what_they_are_called(model: Any, batch: Batch):
    found = rival_maps(model, batch)
    outputs = model.set_attn_implementation("eager") or model(
        input_ids=batch.input_ids, token_type_ids=batch.token_type_ids, output_attentions=True
    )
    attention = torch.stack(outputs.attentions)[:, 0].detach()
    torch.testing.assert_close(found["attention"], attention.sum(dim=1).double(), rtol=1e-4, atol=1e-5)
    layer = model.bert.encoder.layer[0].attention.self
    values = layer.value(model.bert.embeddings(batch.input_ids, batch.token_type_ids)).view(8, 4, 8).transpose(0, 1)
    expected = sum(attention[0, head] * values[head].norm(dim=1) for head in range(4))
    torch.testing.assert_close(found["value_weighted"][0], expected.detach().double(), rtol=1e-4, atol=1e-5)


def test_contributions_of_a_layer_worked_out_by_hand():
    """Two tokens, one head of width 1, a hidden size of 2; each token's value is 1, written to the first place."""
    layer = SimpleNamespace(heads=1, output_weight=torch.tensor([[1.0], [0.0]]), output_bias=torch.tensor([0.0, 1.0]))
    prefix = SimpleNamespace(
        hidden=[torch.tensor([[[0.0, 1.0], [2.0, 0.0]]])],
        attention_probs=[torch.tensor([[[[0.25, 0.75], [0.0, 1.0]]]])],
        value=[torch.ones(1, 1, 2, 1)],
    )
    (found,) = contributions(prefix, (layer,))  # type: ignore[arg-type]
    # Token 0 gives (1, 2): (0.25, 1) from itself, (0.75, 0) from token 1. |y| = 3; distances 1.75 and 2.25.
    # Token 1 gives (3, 1): all but the bias from itself, nothing from token 0. |y| = 4; distances 4 and 1.
    torch.testing.assert_close(found, torch.tensor([[1.25 / 2, 0.75 / 2], [0.0, 1.0]]))


def test_contributions_are_shares_of_what_a_models_attention_blocks_give(model: Any, batch: Batch):
    found = rival_maps(model, batch)["contribution"]
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(3, 8, dtype=torch.float64), rtol=0, atol=1e-5)
    assert float(found.min()) >= 0
    # By the model's own modules, one pair of tokens after the other.
    layer = model.bert.encoder.layer[0].attention
    x = model.bert.embeddings(batch.input_ids, batch.token_type_ids)[0]
    model.set_attn_implementation("eager")
    with torch.no_grad():
        inputs = {"input_ids": batch.input_ids, "token_type_ids": batch.token_type_ids}
        probs = model(**inputs, output_attentions=True).attentions[0][0]
        values = layer.self.value(x).view(8, 4, 8)
        taken = torch.zeros(8, 8, 32)
        for query in range(8):
            for key in range(8):
                context = (probs[:, query, key, None] * values[key]).flatten()
                taken[query, key] = layer.output.dense.weight @ context + (x[query] if query == key else 0)
        given = taken.sum(dim=1) + layer.output.dense.bias
        near = torch.tensor(
            [
                [max(0.0, float(given[q].abs().sum() - (given[q] - taken[q, k]).abs().sum())) for k in range(8)]
                for q in range(8)
            ]
        )
    torch.testing.assert_close(found[0], (near / near.sum(dim=1, keepdim=True)).double(), rtol=1e-3, atol=1e-4)


def test_the_joint_path_and_one_gradient_are_attributions_of_the_predicted_class(model: Any, batch: Batch):
    found = rival_maps(model, batch)
    inputs = {name: getattr(batch, name) for name in ("input_ids", "attention_mask", "token_type_ids")}
    joint = attribute(model, **inputs, target="predicted", path="joint")
    torch.testing.assert_close(found["joint"], joint.attribution[0].sum(dim=1).double())
    gradient = attribute(model, **inputs, target="predicted", steps=1, rule="right")
    torch.testing.assert_close(found["gradient_x_attention"], gradient.attribution[0].sum(dim=1).double())
