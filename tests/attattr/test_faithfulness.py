"""Edge masks: what they keep, and what a model computes under them, against the formula written out."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from attattr.errors import AttributionError
from attattr.faithfulness import masked_edges, only, open_rows, without
from attattr.tree import TreeEdge

EDGES = [TreeEdge(2, 1, 0, 0.5), TreeEdge(0, 2, 1, 0.1), TreeEdge(1, 1, 1, 0.2)]


def test_only_keeps_the_edges_and_every_self_edge():
    mask = only(EDGES, layers=2, n=3)
    assert mask.nonzero().tolist() == [
        [0, 0, 0], [0, 1, 1], [0, 2, 1], [0, 2, 2],
        [1, 0, 0], [1, 0, 2], [1, 1, 1], [1, 2, 2],
    ]  # fmt: skip


def test_without_removes_the_edges_but_no_self_edge():
    assert (~without(EDGES, layers=2, n=3)).nonzero().tolist() == [[0, 2, 1], [1, 0, 2]]


def test_open_rows_reopens_whole_queries():
    mask = open_rows(only([], layers=1, n=3), torch.tensor([True, False, False]))
    assert mask[0].tolist() == [[True, True, True], [False, True, False], [False, False, True]]


def inputs(n: int = 7) -> dict[str, Any]:
    ids = torch.randint(1, 50, (2, n), generator=torch.Generator().manual_seed(3))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@torch.no_grad()
def test_a_full_mask_changes_nothing(tiny_model: Callable[..., Any]):
    model = tiny_model()
    whole = model(**inputs()).logits
    masked = masked_edges(model, torch.ones(2, 2, 7, 7, dtype=torch.bool))(**inputs()).logits
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
    masked_edges(model, mask)(**given)
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
    masked = masked_edges(model, mask)(**inputs()).logits
    torch.testing.assert_close(masked[0], whole[0])
    assert not torch.allclose(masked[1], whole[1])


def test_a_mask_that_does_not_fit_is_refused(tiny_model: Callable[..., Any]):
    masked = masked_edges(tiny_model(), torch.ones(1, 2, 7, 7))
    with pytest.raises(AttributionError, match="edge_mask has shape"):
        masked(**inputs())
