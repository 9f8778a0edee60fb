"""Effectiveness: heads ranked per example and layer, the k lowest or highest of every layer masked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.attention import head_count, layer_count
from pipeline.attattr.batching import TokenBudget
from pipeline.attattr.importance import Pooling
from pipeline.attattr.pruning import Direction, per_layer_masks
from pipeline.predicting.examples import Example
from pipeline.predicting.masked import masked_predictions, places
from pipeline.scoring.store import per_head, read_heads
from pipeline.values.long import to_columns

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


def rankings(
    attributions: Path, model: PreTrainedModel, *, methods: Sequence[str], pooling: Pooling
) -> dict[str, Tensor]:
    """Head importance of each dev example by each method, `(example, layer, head)`.

    Ranking by the gold label's attribution, as the paper does, lets the label decide which heads stay; ranking by
    the predicted label's does not.
    """
    size = {"layers": layer_count(model), "heads": head_count(model)}
    by_target = {target: read_heads(attributions, split="dev", target=target) for target in ("gold", "predicted")}
    columns = {
        "attribution_gold": ("gold", "attribution_max"),
        "attribution_predicted": ("predicted", "attribution_max"),
        "attention": ("gold", f"attention_{pooling}"),
    }
    return {method: per_head(by_target[columns[method][0]], columns[method][1], **size) for method in methods}


def outcomes(
    model: PreTrainedModel, examples: Sequence[Example], importance: dict[str, Tensor], *, token_budget: TokenBudget
) -> dict[str, NDArray[Any]]:
    """The class predicted for every example with k heads of every layer masked, as columns of a long table.

    They are method, direction, k, example_id, label, predicted.
    """
    keys: list[tuple[str, Direction]] = [(method, direction) for method in importance for direction in DIRECTIONS]
    masks = torch.cat([per_layer_masks(importance[method], direction=direction) for method, direction in keys])
    predicted = masked_predictions(model, examples, masks, token_budget=token_budget)
    curves = [{"method": method, "direction": direction} for method, direction in keys]
    counts = [{"k": k} for k in range(len(predicted) // len(keys))]
    axes = (curves, counts, places(examples))
    return to_columns(axes, predicted=predicted.reshape(len(curves), len(counts), len(examples)))
