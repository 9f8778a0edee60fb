"""Edge masks: what they keep, and what a model computes under them, against the formula written out."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from attattr.edge_sets import complement, only
from attattr.errors import AttributionError
from attattr.faithfulness import edge_masked_logits, masked_edges
from attattr.inputs import Inputs
from attattr.tree import TreeEdge


def inputs(n: int = 7) -> dict[str, Any]:
    ids = torch.randint(1, 50, (2, n), generator=torch.Generator().manual_seed(3))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@torch.no_grad()
def test_a_full_mask_changes_nothing(tiny_model: Callable[..., Any]):
    model = tiny_model()
    whole = model(**inputs()).logits
    with masked_edges(model, torch.ones(2, 2, 7, 7, dtype=torch.bool)):
        masked = model(**inputs()).logits
    torch.testing.assert_close(masked, whole)
    torch.testing.assert_close(model(**inputs()).logits, whole)


@torch.no_grad()
def test_a_removed_edge_passes_nothing_on(tiny_model: Callable[..., Any]):
    """One layer, so that the context under a mask can be written out: (A * M) V, without renormalisation."""
    model = tiny_model(layers=1).double()
    seen: dict[str, Any] = {}

    def keep(_module: object, args: Any) -> None:
        seen["context"] = args[0].clone()

    self_attention, given = model.bert.encoder.layer[0].attention, inputs()
    handle = self_attention.output.dense.register_forward_pre_hook(keep)
    mask = torch.rand(2, 1, 7, 7, generator=torch.Generator().manual_seed(0)) < 0.5
    with masked_edges(model, mask):
        model(**given)
    handle.remove()
    x = model.bert.embeddings(given["input_ids"])
    q, k, v = (
        getattr(self_attention.self, name)(x).view(2, 7, 4, 8).transpose(1, 2) for name in ("query", "key", "value")
    )
    probs = (q @ k.transpose(2, 3) / 8**0.5).softmax(dim=-1)
    expected = ((probs * mask) @ v).transpose(1, 2).flatten(2)
    torch.testing.assert_close(seen["context"], expected)


@torch.no_grad()
def test_every_example_has_its_own_mask(tiny_model: Callable[..., Any]):
    model = tiny_model()
    mask = torch.ones(2, 2, 7, 7, dtype=torch.bool)
    mask[1] = torch.eye(7, dtype=torch.bool)
    whole = model(**inputs()).logits
    with masked_edges(model, mask):
        masked = model(**inputs()).logits
    torch.testing.assert_close(masked[0], whole[0])
    assert not torch.allclose(masked[1], whole[1])


@torch.no_grad()
def test_logits_under_many_masks_are_those_of_one_pass_under_each(tiny_model: Callable[..., Any]):
    model, layers, n = tiny_model(layers=3), 3, 7
    given = {name: rows[:1] for name, rows in inputs(n).items()}
    tree = only([TreeEdge(3, 1, 0, 0.1), TreeEdge(0, 3, 2, 0.1)], layers=layers, n=n)
    masks = torch.stack([torch.ones(layers, n, n, dtype=torch.bool), tree, complement(tree), tree])
    found = edge_masked_logits(model, Inputs(**given, token_type_ids=None), masks, token_budget=8)
    for mask, logits in zip(masks, found, strict=True):
        with masked_edges(model, mask[None]):
            alone = model(**given).logits[0]
        torch.testing.assert_close(logits, alone.double(), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found[1], found[2])


def test_a_mask_that_does_not_fit_is_refused(tiny_model: Callable[..., Any]):
    model = tiny_model()
    with masked_edges(model, torch.ones(1, 2, 7, 7)), pytest.raises(AttributionError, match="edge_mask has shape"):
        model(**inputs())
