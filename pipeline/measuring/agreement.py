"""Agreement of scores with what is known of the same edges (docs/method.md, "Knock-outs")."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr


def agreement(
    scores: NDArray[np.float64], effects: NDArray[np.float64], *, top_k: int, share: float
) -> dict[str, float]:
    """Agreement of scores with effects of the same edges, in any shape.

    `precision` is the share of the `top_k` edges with the largest effects among as many with the largest scores,
    `spearman` the rank correlation; `auroc` and `average_precision` ask whether |score| tells the `share` of edges with
    the largest |effect| from the others. Where all edges are of one kind they are what chance has.
    """
    scores, effects = scores.ravel(), effects.ravel()
    matters, k = largest(effects, share=share), min(top_k, len(scores))
    first = [set(np.argsort(-values, kind="stable")[:k].tolist()) for values in (scores, effects)]
    return {
        "precision": len(first[0] & first[1]) / k,
        "spearman": rank_correlation(scores, effects),
        "auroc": auroc(scores, matters),
        "average_precision": average_precision(scores, matters),
    }


def largest(effects: NDArray[np.float64], *, share: float) -> NDArray[np.bool_]:
    """Which of the edges `(edge,)` have the largest |effect|: a `share` of them, rounded.

    They are those that exceed every edge that is left out. So edges of equal effect stay together: where some of them
    would be too many, all are left out, above all edges without any effect.
    """
    sizes = np.abs(effects)
    count = min(max(1, round(share * len(sizes))), len(sizes) - 1)
    return sizes > np.partition(sizes, -count - 1)[-count - 1]


def auroc(scores: NDArray[np.float64], matters: NDArray[np.bool_]) -> float:
    """Chance that an edge that matters has a larger |score| than one that does not, ties half.

    0.5 where all edges are of one kind.
    """
    count, others = int(matters.sum()), int((~matters).sum())
    if not count or not others:
        return 0.5
    above = float(rankdata(np.abs(scores))[matters].sum()) - count * (count + 1) / 2
    return above / (count * others)


def average_precision(scores: NDArray[np.float64], matters: NDArray[np.bool_]) -> float:
    """Mean, over the edges that matter, of the share of such edges among those of no smaller |score|; 0 without any."""
    if not matters.any():
        return 0.0
    no_less = rankdata(-np.abs(scores), method="max")
    matter_no_less = rankdata(-np.abs(scores[matters]), method="max")
    return float((matter_no_less / no_less[matters]).mean())


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's r over all entries; 0 where either is constant, as there is no order to agree with."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.asarray(spearmanr(first.ravel(), second.ravel()))[0])
