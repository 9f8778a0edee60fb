"""What pruning by another model's ranking costs (docs/method.md, "Universality": the functional test)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.curves import CURVE_STEP, accuracy_points, auc
from pipeline.analysis.outcomes import correctness
from pipeline.analysis.quantities import Universality
from pipeline.analysis.statistics import Mean
from pipeline.values.columns import RANDOM, SAME_TASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Model

NO_TASK = {SAME_TASK: "the same task's, of the next seed", RANDOM: "random orders"}  # rankings of another kind


@dataclass(frozen=True)
class ForeignPruning:
    """A model pruned by several rankings: `correct` is `(ranking, rate, example)`."""

    rankings: Sequence[str]  # tasks, the model's own among them, and those of NO_TASK; random several times
    rates: Sequence[float]
    counts: Sequence[int]  # heads that each rate masks
    examples: Sequence[str]  # their ids
    correct: NDArray[np.bool_]


def read(table: pd.DataFrame) -> ForeignPruning:
    """The outcomes that `universality` wrote for one model."""
    axes = (("ranking", "order"), ("rate", "n_masked"), ("example_id", "label"))
    (rankings, steps, examples), correct = correctness(table, axes)
    return ForeignPruning(
        rankings=[place["ranking"] for place in rankings],
        rates=[step["rate"] for step in steps],
        counts=[step["n_masked"] for step in steps],
        examples=[example["example_id"] for example in examples],
        correct=correct,
    )


def curve_rows(found: ForeignPruning, *, model: Model) -> list[dict[str, Any]]:
    """Accuracy (a fraction, with its Wilson interval) of a model pruned by each ranking."""
    return [
        {"task": model.task, "seed": model.seed, "ranking": ranking, "rate": rate, "n_masked": count, **point}
        for ranking, hits in zip(found.rankings, found.correct, strict=True)
        for rate, count, point in zip(found.rates, found.counts, accuracy_points(hits), strict=True)
    ]


def losses(found: ForeignPruning, *, task: str) -> dict[Key, Mean]:
    """What a model of `task` loses when it is pruned by another ranking: own AUC minus that ranking's, in points.

    - `lost`: mean over the other tasks' rankings
    - `lost/<task>`: the ranking of one of them
    - `lost/same_task`: the ranking of the same task and the next seed, which is the least that can be expected
    - `lost/random`: mean over random orders, which know nothing
    """
    areas = 100 * auc(found.rates, found.correct.transpose(0, 2, 1))  # (ranking, example)
    of = {
        name: areas[[number for number, other in enumerate(found.rankings) if other == name]].mean(axis=0)
        for name in dict.fromkeys(found.rankings)
    }
    lost = {name: of[task] - area for name, area in of.items() if name != task}
    foreign = [area for name, area in lost.items() if name not in NO_TASK]
    result: dict[Key, Mean] = {}
    if foreign:
        result[Universality.LOST.key()] = Mean(
            "AUC lost, mean of other tasks' rankings", "points", np.mean(foreign, axis=0), step=CURVE_STEP
        )
    for name, area in lost.items():
        label = f"AUC lost, {NO_TASK.get(name, f'the ranking of {name}')}"
        lost_by = (
            Universality.LOST_OTHERWISE.key(ranking=name)
            if name in NO_TASK
            else Universality.LOST_BY_TASK.key(task=name)
        )
        result[lost_by] = Mean(label, "points", area, step=CURVE_STEP)
    return result
