"""Head masks from head importance: per layer (the paper's effectiveness experiment) and global (head pruning)."""

from typing import Literal

import torch
from torch import Tensor

from attattr.errors import AttributionError, as_number

Direction = Literal["lowest_first", "highest_first"]
Rounding = Literal["half_up", "down"]


def head_order(importance: Tensor, *, direction: Direction) -> Tensor:
    """Head indices along the last axis in masking order; ties go by index, see `ranks`.

    `importance` is `(..., head)`; returns `(..., head)`, int64.
    """
    if direction not in ("lowest_first", "highest_first"):
        raise AttributionError(f"direction is {direction!r}: it must be lowest_first or highest_first")
    if bool(importance.isnan().any()):
        raise AttributionError("head importance holds nan, which has no place in an order: check the scores it is from")
    return importance.argsort(dim=-1, descending=direction == "highest_first", stable=True)


def ranks(importance: Tensor, *, generator: torch.Generator) -> Tensor:
    """The rank of every head along the last axis, 0 for the least important; equal ones in random order.

    `importance` is `(..., head)`; returns `(..., head)`, int64. By index instead, ties would favour the same heads in
    every example and replicate, and among the heads of a whole model the upper layers.
    """
    shuffle = torch.rand(importance.shape, generator=generator, dtype=torch.float64).argsort(dim=-1)
    order = head_order(importance.gather(-1, shuffle.to(importance.device)), direction="lowest_first")
    return shuffle.to(importance.device).gather(-1, order).argsort(dim=-1)


def per_layer_masks(importance: Tensor, *, direction: Direction) -> Tensor:
    """Masks (1 = keep) that remove k = 0..H heads of every layer: `(..., layer, head)` to `(k, ..., layer, head)`."""
    position = head_order(importance, direction=direction).argsort(dim=-1)
    counts = torch.arange(importance.shape[-1] + 1, device=importance.device)
    counts = counts.view(-1, *[1] * importance.ndim)
    return (position[None] >= counts).to(torch.float32)


def masked_counts(rates: list[float], *, heads: int, rounding: Rounding) -> list[int]:
    """How many of `heads` heads each pruning rate masks: whole heads, halves up, or down as in the released code."""
    if any(not 0 <= as_number(rate) <= 1 for rate in rates):
        raise AttributionError(f"pruning rates are {rates}: they must lie in [0, 1]")
    match rounding:
        case "half_up":
            return [int(rate * heads + 0.5) for rate in rates]
        case "down":
            return [int(rate * heads) for rate in rates]
        case _:
            raise AttributionError(f"rounding is {rounding!r}: it must be half_up or down")


def global_masks(importance: Tensor, counts: list[int]) -> Tensor:
    """Masks that remove the `counts` least important of all heads: `(layer, head)` to `(count, layer, head)`."""
    position = head_order(importance.flatten(), direction="lowest_first").argsort()
    return torch.stack([(position >= count).to(torch.float32).view_as(importance) for count in counts])
