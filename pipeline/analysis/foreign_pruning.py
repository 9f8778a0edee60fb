"""What pruning by another task's ranking costs (docs/method.md, "Universality": the functional test)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.curves import auc, normalised_auc
from pipeline.analysis.intervals import bootstrap_means, wilson_interval
from pipeline.analysis.universality import Model
from pipeline.values.schema import Universality


def curve_rows(
    correct: NDArray[np.bool_],
    *,
    model: Model,
    rankings: Sequence[str],
    counts: Sequence[int],
    rates: Sequence[float],
) -> list[dict[str, Any]]:
    """Accuracy (a fraction, with its Wilson interval) of a model pruned by the ranking of each of these tasks.

    `correct` is `(ranking, rate, example)`; `counts` says how many heads each rate masks.
    """
    rows, n = [], correct.shape[2]
    for ranking, hits in zip(rankings, correct.sum(axis=2), strict=True):
        low, high = wilson_interval(hits, n)
        for number, rate in enumerate(rates):
            rows.append(
                {"task": model.task, "seed": model.seed, "ranking": ranking, "rate": rate, "n_masked": counts[number]}
                | {"n": n, "correct": int(hits[number]), "accuracy": float(hits[number] / n)}
                | {"low": float(low[number]), "high": float(high[number])}
            )
    return rows


def functional_metrics(
    correct: NDArray[np.bool_],
    *,
    model: Model,
    rankings: Sequence[str],
    labels: Sequence[int],
    settings: Universality,
) -> list[dict[str, Any]]:
    """What a model loses when it is pruned by another task's ranking: one mapping per other task.

    `correct` is `(ranking, rate, example)`, the model's own task among the rankings. AUCs and what is lost of them are
    in accuracy points; intervals come from a bootstrap over examples, paired between rankings. nAUCs are None near the
    majority class.
    """
    majority, n = float(np.bincount(labels).max() / len(labels)), len(labels)
    areas = 100 * auc(settings.rates, correct.transpose(0, 2, 1))  # (ranking, example)
    nauc = [normalised_auc(settings.rates, hits.mean(axis=1), majority=majority, n=n) for hits in correct]
    own, result = rankings.index(model.task), []
    for number, ranking in enumerate(rankings):
        if number == own:
            continue
        values = np.stack([areas[own], areas[number], areas[own] - areas[number]], axis=1)
        intervals = bootstrap_means(values, draws=settings.bootstrap_draws, seed=settings.seed)
        own_nauc, foreign_nauc = nauc[own], nauc[number]
        lost = None if own_nauc is None or foreign_nauc is None else own_nauc - foreign_nauc
        result.append(
            {"task": model.task, "seed": model.seed, "ranking": ranking, "n": n, "majority": majority}
            | dict(zip(("auc_own", "auc_foreign", "lost"), map(vars, intervals), strict=True))
            | {"nauc_own": own_nauc, "nauc_foreign": foreign_nauc, "nauc_lost": lost}
        )
    return result
