"""Logits of examples under many masks, by one tree of passes through the layers (docs/method.md, "Masked passes").

What leaves a layer depends on the masks up to there alone: examples branch where their masks differ, and what comes
before is computed once. Heads that no mask of a pass keeps are in none of its products. Of the last layer only the row
that the readout sees is computed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from attattr.encoder import Encoder, EncoderLayer

# The projected context `(pass, rows, hidden)` of passes, from the row of the layer's input that each continues, and
# the mask of each.
Project = Callable[[Tensor, Tensor], Tensor]
# A layer's Project, from its input, the input's key mask, the rows that have an effect, and all masks that are used on
# that input.
Attend = Callable[[EncoderLayer, Tensor, Tensor | None, slice, Tensor], Project]

# Passes under different masks share a batch up to this share of the token budget: more bring no speed, and the fewer
# masks a batch has, the fewer heads it needs.
MIXED_SHARE = 0.25


@dataclass(frozen=True)
class Masks:
    """The masks of some items, by layer; equal masks of a layer are one."""

    distinct: tuple[Tensor, ...]  # of every layer (mask, ...)
    index: Tensor  # which of them an item has, (item, layer), on the CPU

    @classmethod
    def of(cls, masks: Tensor) -> "Masks":
        """From one mask per item, `(item, layer, ...)`."""
        found = [layer.unique(dim=0, return_inverse=True) for layer in masks.unbind(1)]
        return cls(tuple(distinct for distinct, _ in found), torch.stack([index.cpu() for _, index in found], dim=1))

    def whole(self) -> Tensor:
        """The masks of every item, `(item, layer, ...)`."""
        return torch.stack([rows[own] for rows, own in zip(self.distinct, self.index.unbind(1), strict=True)], dim=1)


def under_head_masks(
    layer: EncoderLayer, hidden: Tensor, key_mask: Tensor | None, rows: slice, masks: Tensor
) -> Project:
    """Every head's context times its number in `masks`, `(mask, head)`."""
    used = masks.bool().any(dim=0)
    layer = layer.restricted(used)
    context = layer.context(hidden, key_mask=key_mask, rows=rows)

    def project(parents: Tensor, own: Tensor) -> Tensor:
        own = own[:, used]
        kept = own.bool().any(dim=0)
        narrow = layer.restricted(kept)
        if not narrow.heads:
            return hidden.new_zeros(())
        split = context.unflatten(2, (layer.heads, -1))[parents]
        split = split if bool(kept.all()) else split[:, :, kept]
        return narrow.project((split * own[:, None, kept, None].to(split)).flatten(2))

    return project


def under_edge_masks(
    layer: EncoderLayer, hidden: Tensor, key_mask: Tensor | None, rows: slice, _masks: Tensor
) -> Project:
    """Every head's attention times a mask `(query, key)`, without renormalisation."""
    probs, value = layer.attention(hidden, key_mask=key_mask, rows=rows)

    def project(parents: Tensor, own: Tensor) -> Tensor:
        kept = probs[parents] * own[:, None, rows].to(probs)
        return layer.project((kept @ value[parents]).transpose(1, 2).flatten(2))

    return project


def masked_passes(
    encoder: Encoder,
    hidden: Tensor,
    source: Tensor,
    masks: Masks,
    *,
    key_mask: Tensor | None,
    attend: Attend,
    token_budget: int,
) -> Tensor:
    """Logits `(item, classes)`: each item is a row of `hidden` and has its masks.

    `hidden` `(batch, n, hidden)` enters the first layer, `key_mask` is `(batch, 1, 1, n)`, and `source` is `(item,)`,
    on the CPU.
    """
    return _Tree(encoder, masks.distinct, attend, token_budget).logits(0, hidden, key_mask, source, masks.index)


@dataclass(frozen=True)
class _Tree:
    encoder: Encoder
    masks: tuple[Tensor, ...]
    attend: Attend
    token_budget: int

    def logits(self, layer: int, hidden: Tensor, key_mask: Tensor | None, source: Tensor, index: Tensor) -> Tensor:
        """Logits `(item, classes)` of the rows `source` of `hidden` that enter `layer`, under the masks `index`."""
        if layer == len(self.encoder.layers):
            return self.encoder.readout(hidden)[source]
        part, rows, masks = self.encoder.layers[layer], self.encoder.rows(layer), self.masks[layer]
        # A pass for every different pair of mask and row, in this order; items that agree so far share it.
        passes, taken = (index[:, layer] * len(hidden) + source).unique(return_inverse=True)
        mask, parent = passes // len(hidden), passes % len(hidden)
        project = self.attend(part, hidden, key_mask, rows, masks[mask.unique_consecutive()])
        order, residual = taken.argsort(), hidden[:, rows]
        ends = taken.bincount().cumsum(0).tolist()
        logits, start, begun = [], 0, 0
        for size in self._batches(mask, tokens=residual.shape[1]):
            stop = start + size
            own = parent[start:stop]
            above = part.finish(project(own, masks[mask[start:stop]]), residual[own])
            items = order[begun : ends[stop - 1]]
            keys = None if key_mask is None else key_mask[own]
            logits.append(self.logits(layer + 1, above, keys, taken[items] - start, index[items]))
            start, begun = stop, ends[stop - 1]
        return torch.cat(logits)[order.argsort()]

    def _batches(self, mask: Tensor, *, tokens: int) -> list[int]:
        """Sizes of the batches, for passes of `tokens` tokens in the order of their masks."""
        most, mixed = (max(1, int(share * self.token_budget) // tokens) for share in (1, MIXED_SHARE))
        sizes: list[int] = []
        for count in mask.unique_consecutive(return_counts=True)[1].tolist():
            if sizes and sizes[-1] + count <= mixed:
                sizes[-1] += count
            else:
                parts = -(-count // most)
                sizes += [(count + part) // parts for part in range(parts)]
        return sizes
