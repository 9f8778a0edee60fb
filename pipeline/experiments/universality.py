"""Universality: a model's heads masked in the order that another task's model gives them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import torch

from pipeline.errors import InputError
from pipeline.measuring.head_orders import Ranking, pruned_predictions, random_rankings
from pipeline.values.present import present

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from pipeline.predicting.examples import Example
    from pipeline.values.schema import Prune


def read_importance(path: Path, *, method: str, normalise: str) -> Tensor:
    """One importance `(layer, head)` of the file that `prune` wrote.

    Raises:
        InputError: if there is no such file, or `prune` did not compute this method with this normalisation.
    """
    with present(path, "prune").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["method"], row["normalise"]) == (method, normalise)]
    if not rows:
        raise InputError(f"{path} has no {method} with normalise {normalise}; run: dvc repro prune")
    layers = len({row["layer"] for row in rows})
    # In float32, as `prune` ranks: its file has more digits than that, so that ties stay ties.
    return torch.tensor([float(row["importance"]) for row in rows]).view(layers, -1)


def next_seed(seeds: Sequence[int], seed: int) -> int | None:
    """The seed after `seed`, the lowest after the highest; None where there is no other."""
    others = [other for other in seeds if other != seed]
    later = [other for other in others if other > seed]
    return min(later or others, default=None)


def foreign_outcomes(
    model: PreTrainedModel,
    examples: Sequence[Example],
    importance: Mapping[str, Tensor],
    *,
    settings: Prune,
    seed: int,
    token_budget: TokenBudget,
) -> dict[str, NDArray[Any]]:
    """The class predicted for every example with heads masked by each ranking, as columns of a long table.

    `importance` holds one `(layer, head)` tensor for every ranking by which `model` is pruned: those of all tasks, its
    own among them, and `same_task` where there is another seed. `random` are the random orders of `prune`. The columns
    are ranking, order, rate, n_masked, example_id, label, predicted.
    """
    orders = [Ranking(name, "", 0, values) for name, values in importance.items()]
    orders += random_rankings(orders[0].importance.shape, count=settings.random_orders, seed=seed)
    columns = pruned_predictions(model, examples, orders, settings=settings, seed=seed, token_budget=token_budget)
    kept = {name: values for name, values in columns.items() if name != "normalise"}
    return {"ranking": kept.pop("method"), **kept}
