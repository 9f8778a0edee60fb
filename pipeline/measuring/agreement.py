"""Agreement of scores with what is known of the same edges (docs/method.md, "Knock-outs")."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, rankdata, spearmanr


def agreement(
    scores: NDArray[np.float64], effects: NDArray[np.float64], *, top_k: int, least: float
) -> dict[str, float]:
    """Agreement of scores with effects of the same edges, in any shape.

    `precision` is the share of the `top_k` edges with the largest effects among as many with the largest scores,
    `spearman` the rank correlation; `auroc` and `average_precision` ask whether |score| tells edges with an effect (at
    least `least`) from those without. Where all edges are of one kind they are what chance has.
    """
    scores, effects = scores.ravel(), effects.ravel()
    matters, size, k = np.abs(effects) >= least, np.abs(scores), min(top_k, len(scores))
    largest = [set(np.argsort(-values, kind="stable")[:k].tolist()) for values in (scores, effects)]
    result = {
        "precision": len(largest[0] & largest[1]) / k,
        "spearman": rank_correlation(scores, effects),
        "auroc": 0.5,
        "average_precision": float(matters.mean()),
        "share_with_effect": float(matters.mean()),
    }
    if 0 < matters.sum() < len(matters):
        above = mannwhitneyu(size[matters], size[~matters]).statistic
        result["auroc"] = float(above / (matters.sum() * (~matters).sum()))
        result["average_precision"] = average_precision(size, matters)
    return result


def average_precision(scores: NDArray[np.float64], relevant: NDArray[np.bool_]) -> float:
    """Mean, over the relevant ones, of the share of relevant ones among those that score no less."""
    no_less = rankdata(-scores, method="max")
    relevant_no_less = rankdata(-scores[relevant], method="max")
    return float((relevant_no_less / no_less[relevant]).mean())


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's r over all entries; 0 where either is constant, as there is no order to agree with."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.asarray(spearmanr(first.ravel(), second.ravel()))[0])
