"""Orders of a model's heads: important ones last, random ones, ties by chance; and what is predicted along them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attattr.pruning import global_masks, masked_counts, ranks
from attattr.randomness import derived_seed
from pipeline.predicting.masked import masked_predictions, places
from pipeline.values.columns import RANDOM
from pipeline.values.long import to_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.examples import Example
    from pipeline.values.schema import Prune


@dataclass(frozen=True)
class Ranking:
    """One way to order the heads; `order` counts the random ones."""

    method: str
    normalise: str
    order: int
    importance: Tensor  # (layer, head)


def random_rankings(shape: torch.Size, *, count: int, seed: int) -> list[Ranking]:
    """The first `count` random orders of a replicate's heads."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "random head orders"))
    orders = [torch.randperm(shape.numel(), generator=generator).float().view(shape) for _ in range(count)]
    return [Ranking(RANDOM, "none", number, order) for number, order in enumerate(orders)]


def untied(importance: Tensor, *, seed: int) -> Tensor:
    """Ranks of all heads, `(layer, head)`, 0 for the least important; equal ones go in an order drawn for the seed."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "order of equal heads"))
    return ranks(importance.flatten(), generator=generator).view_as(importance)


def pruned_predictions(
    model: PreTrainedModel,
    examples: Sequence[Example],
    orders: Sequence[Ranking],
    *,
    settings: Prune,
    seed: int,
    token_budget: TokenBudget,
) -> dict[str, NDArray[Any]]:
    """The class predicted for every example with the least important heads masked, as columns of a long table.

    They are method, normalise, order, rate, n_masked, example_id, label, predicted.
    """
    rates, heads = settings.rates, orders[0].importance.numel()
    counts = masked_counts(list(rates), heads=heads, rounding=settings.rounding)
    masks = torch.cat([global_masks(untied(ranking.importance, seed=seed), counts) for ranking in orders])
    predicted = masked_predictions(model, examples, masks, token_budget=token_budget)
    curves = [{"method": one.method, "normalise": one.normalise, "order": one.order} for one in orders]
    steps = [{"rate": rate, "n_masked": count} for rate, count in zip(rates, counts, strict=True)]
    axes = (curves, steps, places(examples))
    return to_columns(axes, predicted=predicted.reshape(len(curves), len(steps), len(examples)))
