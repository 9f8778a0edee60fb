"""What pruning by another task's ranking costs (docs/method.md, "Universality": the functional test)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.curves import auc, normalised_auc
from pipeline.analysis.intervals import bootstrap_means, wilson_interval
from pipeline.analysis.outcomes import correctness

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.analysis.outcomes import Model


@dataclass(frozen=True)
class ForeignPruning:
    """A model pruned by the rankings of several tasks: `correct` is `(ranking, rate, example)`."""

    rankings: Sequence[str]  # tasks, the model's own among them
    rates: Sequence[float]
    counts: Sequence[int]  # heads that each rate masks
    labels: Sequence[int]
    correct: NDArray[np.bool_]


def read(table: pd.DataFrame) -> ForeignPruning:
    """The outcomes that `universality` wrote for one model."""
    axes = (("ranking",), ("rate", "n_masked"), ("example_id", "label"))
    (rankings, steps, examples), correct = correctness(table, axes)
    return ForeignPruning(
        rankings=[place["ranking"] for place in rankings],
        rates=[step["rate"] for step in steps],
        counts=[step["n_masked"] for step in steps],
        labels=[example["label"] for example in examples],
        correct=correct,
    )


def curve_rows(found: ForeignPruning, *, model: Model) -> list[dict[str, Any]]:
    """Accuracy (a fraction, with its Wilson interval) of a model pruned by the ranking of each task."""
    rows, n = [], len(found.labels)
    for ranking, hits in zip(found.rankings, found.correct.sum(axis=2), strict=True):
        low, high = wilson_interval(hits, n)
        for number, rate in enumerate(found.rates):
            rows.append(
                {"task": model.task, "seed": model.seed, "ranking": ranking, "rate": rate}
                | {"n_masked": found.counts[number], "n": n}
                | {"correct": int(hits[number]), "accuracy": float(hits[number] / n)}
                | {"low": float(low[number]), "high": float(high[number])}
            )
    return rows


def functional_metrics(found: ForeignPruning, *, model: Model, draws: int, seed: int) -> list[dict[str, Any]]:
    """What a model loses when it is pruned by another task's ranking: one mapping per other task.

    AUCs and what is lost of them are in accuracy points; intervals come from a bootstrap over examples, paired between
    rankings. nAUCs are None near the majority class.
    """
    labels, rates = found.labels, found.rates
    majority, n = float(np.bincount(labels).max() / len(labels)), len(labels)
    areas = 100 * auc(rates, found.correct.transpose(0, 2, 1))  # (ranking, example)
    nauc = [normalised_auc(rates, hits.mean(axis=1), majority=majority, n=n) for hits in found.correct]
    own, result = list(found.rankings).index(model.task), []
    for number, ranking in enumerate(found.rankings):
        if number == own:
            continue
        values = np.stack([areas[own], areas[number], areas[own] - areas[number]], axis=1)
        intervals = bootstrap_means(values, draws=draws, seed=seed)
        own_nauc, foreign_nauc = nauc[own], nauc[number]
        lost = None if own_nauc is None or foreign_nauc is None else own_nauc - foreign_nauc
        result.append(
            {"task": model.task, "seed": model.seed, "ranking": ranking, "n": n, "majority": majority}
            | dict(zip(("auc_own", "auc_foreign", "lost"), map(vars, intervals), strict=True))
            | {"nauc_own": own_nauc, "nauc_foreign": foreign_nauc, "nauc_lost": lost}
        )
    return result
