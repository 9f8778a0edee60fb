"""Statistics of kept pairs: other thresholds, and two seeds' agreement (docs/method.md, "Knock-outs", "Randomisation").

`truth` keeps the effect and scores of every pair; here they are read of all models of a task at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from pipeline.errors import InputError
from pipeline.measuring.agreement import auroc, largest
from pipeline.values.columns import EFFECT, KEPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.analysis.outcomes import Record

    Values = dict[str, NDArray[np.float64]]  # of each method, by example

LEAST_SEEDS = 3  # of two there is one pair, and nothing tells how another would differ


def aurocs(rows: Sequence[Record], *, share: float) -> Values:
    """AUROC of every kept score on each example, where the `share` of pairs with the largest effects matter."""
    matters = [largest(np.asarray(row[EFFECT], np.float64), share=share) for row in rows]
    return {
        method: np.array(
            [auroc(np.asarray(row[method], np.float64), of) for row, of in zip(rows, matters, strict=True)]
        )
        for method in KEPT
    }


def seeds_agreement(models: Sequence[Sequence[Record]]) -> list[Values] | None:
    """Rank correlation of two models' scores of the same pairs, of each model's examples, by method.

    The mean over models is the mean over all pairs of models. As every one has its part in several of these, a model's
    values are the jackknife's pseudo-values, whose variance is right. None for fewer than `LEAST_SEEDS` models.

    Raises:
        InputError: if the models were not measured on the same examples.
    """
    if len(models) < LEAST_SEEDS:
        return None
    if any([_name(row) for row in rows] != [_name(row) for row in models[0]] for rows in models):
        raise InputError("the models of a task were measured on different pairs: run their stage truth again")
    of_methods = {
        method: np.stack(
            [pseudo_values(correlations([row[method] for row in rows])) for rows in zip(*models, strict=True)], axis=1
        )
        for method in KEPT
    }
    return [{method: values[place] for method, values in of_methods.items()} for place in range(len(models))]


def _name(row: Record) -> tuple[str, int]:
    return row["example_id"], len(row[EFFECT])


def correlations(scores: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Spearman's r of every two of some rows of scores, `(row, row)`; 0 where either is constant."""
    ranks = rankdata(np.asarray(scores, np.float64), axis=1)
    away = ranks - ranks.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(away, axis=1, keepdims=True)
    units = np.divide(away, sizes, out=np.zeros_like(away), where=sizes > 0)
    return units @ units.T


def pseudo_values(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The jackknife's pseudo-values of the mean over all pairs of S things, from a symmetric table of the pairs.

    Without thing s the mean U over all pairs becomes (S U - 2 r_s) / (S - 2), r_s being the mean of its own pairs. So
    its pseudo-value, S U - (S - 1) times that, is (2 (S - 1) r_s - S U) / (S - 2). Their mean is U.
    """
    count = len(table)
    own = (table.sum(axis=1) - np.diag(table)) / (count - 1)
    return (2 * (count - 1) * own - count * own.mean()) / (count - 2)
