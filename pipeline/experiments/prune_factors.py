"""Attribution's importance with one thing changed at a time: how edges are pooled, what is integrated, how often."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from attattr.attention import head_count, layer_count
from attattr.pruning import global_masks, masked_counts
from attattr.removal import removed_heads
from pipeline.measuring.head_orders import Ranking, untied
from pipeline.measuring.heads import largest_scores, mean_over
from pipeline.scoring.store import per_head, read_heads
from pipeline.values.columns import FACTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.examples import Example
    from pipeline.values.schema import Attribute, Prune

INTEGRAL = {"steps", "rule", "tolerance", "max_steps", "path", "output", "precision"}
# The other path; the paper's 20 steps, by the rule of the released code.
CHANGES: dict[str, dict[str, Any]] = {"joint": {"path": "joint"}, "left_20": {"rule": "left", "steps": 20}}


def factor_rankings(
    model: PreTrainedModel,
    examples: Sequence[Example],
    attributions: Path,
    *,
    plain: Tensor,
    settings: Prune,
    integral: Attribute,
    seed: int,
    token_budget: TokenBudget,
) -> list[Ranking]:
    """A ranking `factor/<name>` for each of `settings.factors`, from the importance sample with gold labels.

    `plain` is the importance `(layer, head)` that they change: the mean of the largest scores.
    """
    usual = integral.model_dump(include=INTEGRAL) | {"token_budget": token_budget}

    def computed(model: PreTrainedModel, **changes: Any) -> Tensor:
        return mean_over(model, examples, partial(largest_scores, **(usual | changes)), token_budget=token_budget)

    def without(head_mask: Tensor) -> Tensor:
        return computed(removed_heads(model, head_mask))

    stored = read_heads(attributions, split="importance", target="gold")
    found: dict[str, Tensor] = {}
    for factor in settings.factors:
        match factor:
            case "sum" | "positive" | "absolute":
                size = {"layers": layer_count(model), "heads": head_count(model)}
                pooled = per_head(stored, f"attribution_{factor}", **size)
                edges = torch.tensor([row["n"] ** 2 if factor == "absolute" else 1 for row in stored])
                found[factor] = (pooled / edges[:, None, None]).mean(dim=0)
            case "joint" | "left_20":
                found[factor] = computed(model, **CHANGES[factor])
            case "iterative":
                counts = masked_counts(list(settings.rates), heads=plain.numel(), rounding=settings.rounding)
                found[factor] = rescored(without, plain, counts=counts, seed=seed)
    return [Ranking(f"{FACTOR}{factor}", "none", 0, importance) for factor, importance in found.items()]


def rescored(score: Callable[[Tensor], Tensor], first: Tensor, *, counts: Sequence[int], seed: int) -> Tensor:
    """How many masks a head survives, `(layer, head)`, if what is left is scored anew after each of `counts`.

    `first` is the importance in the whole model, and `score(head_mask)` that in a model without the heads whose mask
    is 0. `counts` rise from 0 to all heads; masked at them by what is returned, the heads leave in that order.
    """
    masks = [torch.ones_like(first)]
    for before, count in pairwise(counts):
        importance = score(masks[-1]) if 0 < before < count < first.numel() else first
        # Heads that are gone stay gone.
        masks += global_masks(untied(importance.masked_fill(masks[-1] == 0, -torch.inf), seed=seed), [count])
    return torch.stack(masks).sum(dim=0)
