"""Live edge masking (docs/method.md, "Attribution trees"): the attention times a mask, without renormalisation."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attattr.attention import eager_attention, intercepted_attention, layer_count
from attattr.errors import AttributionError, check_tensor
from attattr.tree import TreeEdge


def masked_edges(model: PreTrainedModel, edge_mask: Tensor) -> PreTrainedModel:
    """The model with the attention of every head multiplied by `edge_mask` (1 = keep).

    As `masked_heads`, an own copy of `model`, which stays as it is. `edge_mask` is `(batch, layer, query, key)`,
    boolean. Rows are not renormalised: a removed edge passes nothing on. Raises AttributionError from the forward pass
    for a mask that does not fit the batch.
    """
    check_tensor("edge_mask", edge_mask, shape="(batch, layer, query, key)")

    def handler(
        layer: int, _module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float
    ) -> Tensor:
        expected = (len(query), layer_count(model), query.shape[2], key.shape[2])
        if tuple(edge_mask.shape) != expected:
            raise AttributionError(
                f"edge_mask has shape {tuple(edge_mask.shape)}: it must be (batch, layer, query, key) = {expected}"
            )
        _, attention_probs = eager_attention(query, key, value, mask, scaling)
        kept = attention_probs * edge_mask[:, layer, None].to(attention_probs)
        return (kept @ value).transpose(1, 2)

    return intercepted_attention(model, handler, implementation="eager")


def only(edges: Iterable[TreeEdge], *, layers: int, n: int) -> Tensor:
    """Mask `(layer, query, key)` that keeps `edges` and every token's edge to itself, and nothing else."""
    mask = torch.eye(n, dtype=torch.bool).repeat(layers, 1, 1)
    for edge in edges:
        mask[edge.layer, edge.query, edge.key] = True
    return mask


def without(edges: Iterable[TreeEdge], *, layers: int, n: int) -> Tensor:
    """Mask `(layer, query, key)` that keeps all but `edges`; a token's edge to itself always stays."""
    mask = torch.ones(layers, n, n, dtype=torch.bool)
    for edge in edges:
        mask[edge.layer, edge.query, edge.key] = edge.query == edge.key
    return mask


def open_rows(mask: Tensor, rows: Tensor) -> Tensor:
    """The mask `(..., query, key)` with all edges of the queries `rows`, boolean `(query,)`, kept."""
    return mask | rows[:, None]
