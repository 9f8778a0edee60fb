"""Effectiveness: heads ranked per example and layer, the k lowest or highest of every layer masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import head_count, layer_count
from attattr.batching import TokenBudget
from attattr.examples import Example
from attattr.pruning import Direction, per_layer_masks, ranks
from attattr.randomness import derived_seed
from pipeline.errors import InputError
from pipeline.measuring.heads import TAYLOR, largest_gradients, losses, per_example, removal_logits, taylor
from pipeline.predicting.masked import masked_predictions, places
from pipeline.predicting.predict import predict_logits
from pipeline.scoring.store import per_head, read_heads
from pipeline.values.columns import BY_GOLD, BY_PREDICTED, BY_SUM, HIGHEST_FIRST, LOWEST_FIRST
from pipeline.values.long import to_columns

if TYPE_CHECKING:
    from pipeline.values.schema import Effectiveness

DIRECTIONS: tuple[Direction, ...] = (LOWEST_FIRST, HIGHEST_FIRST)
STORED = {  # target and column of the attribution store
    BY_PREDICTED: ("predicted", "attribution_max"),
    BY_SUM: ("predicted", "attribution_sum"),
    BY_GOLD: ("gold", "attribution_max"),
    "attention_max": ("predicted", "attention_max"),
    "attention_confidence": ("predicted", "attention_confidence"),
}


def head_importance(
    model: PreTrainedModel,
    examples: Sequence[Example],
    attributions: Path,
    *,
    settings: Effectiveness,
    token_budget: TokenBudget,
) -> dict[str, Tensor]:
    """Importance of the heads for each example by each method, `(example, layer, head)`.

    Ranking by the gold label's attribution, as the paper does, lets the label decide which heads stay. Every other
    method sees the predicted label alone. `random` takes all heads for equal, so that ties decide.
    Raises InputError if an example has no stored attribution.
    """
    size = {"layers": layer_count(model), "heads": head_count(model)}
    classes = predict_logits(model, examples, token_budget=token_budget).argmax(dim=1).tolist()
    as_predicted = [replace(example, label=label) for example, label in zip(examples, classes, strict=True)]

    @cache
    def stored(target: str) -> list[dict[str, Any]]:
        rows = {row["example_id"]: row for row in read_heads(attributions, split="dev", target=target)}
        if missing := [example.example_id for example in examples if example.example_id not in rows]:
            raise InputError(f"{attributions} lacks dev example {missing[0]}: run attribute again")
        return [rows[example.example_id] for example in examples]

    def importance(method: str) -> Tensor:
        match method:
            case "gradient_x_attention":
                return per_example(model, as_predicted, largest_gradients, token_budget=token_budget)
            case "taylor":
                readings = per_example(model, as_predicted, taylor, token_budget=token_budget)
                return readings[:, TAYLOR.index("taylor")]
            case "loss_difference":
                logits = removal_logits(model, as_predicted, token_budget=token_budget)
                loss = losses(logits, torch.tensor(classes))
                return (loss[1:] - loss[0]).T.reshape(-1, *size.values())
            case "random":
                return torch.zeros(len(examples), *size.values())
            case _:
                target, column = STORED[method]
                return per_head(stored(target), column, **size)

    return {method: importance(method) for method in settings.methods}


def rankings(importance: Mapping[str, Tensor], examples: Sequence[Example], *, seed: int) -> dict[str, Tensor]:
    """Ranks within each layer by each method, `(example, layer, head)`, 0 for the lowest; ties go at random."""

    def ranked(method: str, example: Example, values: Tensor) -> Tensor:
        name = ("order of equal heads", method, example.example_id)
        return ranks(values, generator=torch.Generator().manual_seed(derived_seed(seed, *name)))

    return {
        method: torch.stack([ranked(method, *one) for one in zip(examples, values, strict=True)])
        for method, values in importance.items()
    }


def outcomes(
    model: PreTrainedModel, examples: Sequence[Example], ranked: Mapping[str, Tensor], *, token_budget: TokenBudget
) -> dict[str, NDArray[Any]]:
    """The class predicted for every example with k heads of every layer masked, as columns of a long table.

    They are method, direction, k, example_id, label, predicted.
    """
    keys: list[tuple[str, Direction]] = [(method, direction) for method in ranked for direction in DIRECTIONS]
    masks = torch.cat([per_layer_masks(ranked[method], direction=direction) for method, direction in keys])
    predicted = masked_predictions(model, examples, masks, token_budget=token_budget)
    curves = [{"method": method, "direction": direction} for method, direction in keys]
    counts = [{"k": k} for k in range(len(predicted) // len(keys))]
    axes = (curves, counts, places(examples))
    return to_columns(axes, predicted=predicted.reshape(len(curves), len(counts), len(examples)))
