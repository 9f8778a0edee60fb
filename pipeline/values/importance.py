"""How much each head matters, as the stage `prune` found it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.values.paths import experiment_folder
from pipeline.values.present import present

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read_importance(root: Path, task: str, seed: int, *, method: str, normalise: str) -> NDArray[np.float64]:
    """Importance `(layer, head)` by one method, of the model whose outputs are below `root`.

    The file has more digits than float32, in which it was computed, so that ties stay ties.

    Raises:
        InputError: if there is no such file, or `prune` did not compute this method with this normalisation.
    """
    path = present(experiment_folder(root, "prune", task, seed) / "importance.csv", "prune")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = {
        (int(row["layer"]), int(row["head"])): float(row["importance"])
        for row in rows
        if (row["method"], row["normalise"]) == (method, normalise)
    }
    if not chosen:
        methods, ways = (", ".join(dict.fromkeys(row[key] for row in rows)) for key in ("method", "normalise"))
        raise InputError(
            f"{path} has no {method} with normalise {normalise}: it has {methods}, with {ways}; run: dvc repro prune"
        )
    layers, heads = (1 + max(numbers) for numbers in zip(*chosen, strict=True))
    return np.array([chosen[place] for place in np.ndindex(layers, heads)]).reshape(layers, heads)
