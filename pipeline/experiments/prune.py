"""Head pruning: heads of the whole model ranked by one number each, the least important masked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import head_count, layer_count
from attattr.batching import TokenBudget
from attattr.examples import Example
from attattr.importance import normalise
from pipeline.measuring.head_orders import Ranking, random_rankings
from pipeline.measuring.heads import (
    TAYLOR,
    largest_gradients,
    losses,
    mean_over,
    output_norms,
    removal_logits,
    taylor,
)
from pipeline.scoring.store import per_head, read_heads
from pipeline.values.columns import RANDOM

if TYPE_CHECKING:
    from pipeline.values.schema import Prune


def head_importance(
    model: PreTrainedModel,
    examples: Sequence[Example],
    attributions: Path,
    *,
    settings: Prune,
    token_budget: TokenBudget,
) -> dict[str, Tensor]:
    """Importance `(layer, head)` by every method but `random`, from the importance sample with gold labels."""
    wanted = settings.methods
    stored = read_heads(attributions, split="importance", target="gold")
    size = {"layers": layer_count(model), "heads": head_count(model)}
    importance: dict[str, Tensor] = {}
    for method in wanted:
        match method:
            case "attribution":
                importance[method] = per_head(stored, "attribution_max", **size).mean(dim=0)
            case "attention":
                importance[method] = per_head(stored, f"attention_{settings.attention_pooling}", **size).mean(dim=0)
            case "gradient_x_attention":
                importance[method] = mean_over(model, examples, largest_gradients, token_budget=token_budget)
            case "output_norm":
                importance[method] = mean_over(model, examples, output_norms, token_budget=token_budget)
    if any(method in wanted for method in TAYLOR):
        readings = mean_over(model, examples, taylor, token_budget=token_budget)
        importance |= {method: readings[number] for number, method in enumerate(TAYLOR) if method in wanted}
    if "accuracy_difference" in wanted or "loss_difference" in wanted:
        differences = removal_differences(model, examples, token_budget=token_budget)
        importance |= {method: value for method, value in differences.items() if method in wanted}
    return {method: importance[method] for method in wanted if method != RANDOM}


def removal_differences(
    model: PreTrainedModel, examples: Sequence[Example], *, token_budget: TokenBudget
) -> dict[str, Tensor]:
    """Accuracy lost and loss gained when one head is removed, each `(layer, head)`; accuracy as a fraction."""
    layers, heads = layer_count(model), head_count(model)
    logits = removal_logits(model, examples, token_budget=token_budget)
    labels = torch.tensor([example.label for example in examples])
    accuracy = (logits.argmax(dim=-1) == labels).double().mean(dim=1)
    loss = losses(logits, labels).mean(dim=1)
    return {
        "accuracy_difference": (accuracy[0] - accuracy[1:]).float().view(layers, heads),
        "loss_difference": (loss[1:] - loss[0]).float().view(layers, heads),
    }


def rankings(importance: dict[str, Tensor], *, settings: Prune, seed: int) -> list[Ranking]:
    """Every method under every normalisation, and the random orders if `random` is among the methods."""
    result = [
        Ranking(method, how, 0, normalise(values, how=how))
        for method, values in importance.items()
        for how in settings.normalise
    ]
    if RANDOM in settings.methods:
        if not importance:
            raise ValueError("prune.methods holds random alone: name at least one method to compare with")
        result += random_rankings(next(iter(importance.values())).shape, count=settings.random_orders, seed=seed)
    return result


def importance_rows(orders: Sequence[Ranking], *, task: str, seed: int) -> list[dict[str, object]]:
    """One row per ranking (random ones aside), layer and head; layers and heads count from 0."""
    return [
        {"task": task, "seed": seed, "method": ranking.method, "normalise": ranking.normalise}
        | {"layer": layer, "head": head, "importance": value}
        for ranking in orders
        if ranking.method != RANDOM
        for layer, row in enumerate(ranking.importance.tolist())
        for head, value in enumerate(row)
    ]
