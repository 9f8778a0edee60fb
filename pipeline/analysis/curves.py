"""Summaries of accuracy curves: areas, and the largest harmless pruning rate.

Curves hold fractions along their last axis. Areas and AUCs are linear, so they apply just as well to correctness per
example, shape (example, mask), where they give one value per example.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.analysis.intervals import clearly_above, wilson_interval
from pipeline.errors import InputError

CURVE_STEP = 50.0  # points: an example that a mask turns is turned, on average, over half the curve
ROUNDING = 1e-9  # accuracies are ratios of counts: nothing real is closer than this


def accuracy_points(correct: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Accuracy at each point of a curve, `(point, example)`: counts, and fractions with their Wilson interval."""
    n, hits = correct.shape[1], correct.sum(axis=1)
    low, high = wilson_interval(hits, n)
    return [
        {"n": n, "correct": int(count), "accuracy": int(count) / n, "low": float(low[at]), "high": float(high[at])}
        for at, count in enumerate(hits)
    ]


def area_between(lowest_first: ArrayLike, highest_first: ArrayLike) -> NDArray[np.float64]:
    """Mean over k of accuracy(lowest heads masked first) - accuracy(highest heads masked first).

    Shapes (..., k), k = 0..H heads masked per layer; returns (...,). Zero for a ranking that says nothing, positive
    for one that finds the heads that matter.
    """
    lowest_first, highest_first = np.asarray(lowest_first, np.float64), np.asarray(highest_first, np.float64)
    if lowest_first.shape != highest_first.shape:
        raise InputError(f"the two curves differ in shape: {lowest_first.shape} and {highest_first.shape}")
    return np.asarray((lowest_first - highest_first).mean(axis=-1))


def auc(rates: Sequence[float], accuracy: ArrayLike) -> NDArray[np.float64]:
    """Trapezoid integral of accuracy, shape (..., rate), over the pruning rates, which may be unevenly spaced."""
    rates_, accuracy = _checked(rates, accuracy)
    return np.asarray(np.trapezoid(accuracy, rates_, axis=-1))


def normalised_auc(rates: Sequence[float], accuracy: ArrayLike, *, majority: float, n: int) -> float | None:
    """(mean accuracy over the rates - majority) / (accuracy at rate 0 - majority), or None where that is noise.

    None unless the unpruned accuracy, over n examples, exceeds the share of the majority class by three standard
    errors. `accuracy` has shape (rate,). 1: pruning costs nothing; 0: as good as always naming the majority class.
    """
    rates_, accuracy = _checked(rates, accuracy)
    unpruned = float(accuracy[0])
    if not clearly_above(unpruned, majority, n):
        return None
    mean_accuracy = float(auc(rates, accuracy)) / float(rates_[-1] - rates_[0])
    return (mean_accuracy - majority) / (unpruned - majority)


def r_star(rates: Sequence[float], accuracy: ArrayLike, *, drop: float = 0.01) -> float:
    """Largest rate of the grid with accuracy >= accuracy(0) - drop, even if a smaller rate fails.

    `accuracy` has shape (rate,); `drop` is a fraction (0.01 is one accuracy point). Never below rate 0.
    """
    rates_, accuracy = _checked(rates, accuracy)
    return float(rates_[accuracy >= accuracy[0] - drop - ROUNDING].max())


def _checked(rates: Sequence[float], accuracy: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rates_, accuracy = np.asarray(rates, np.float64), np.asarray(accuracy, np.float64)
    if rates_.ndim != 1 or len(rates_) < 2 or rates_[0] != 0 or np.any(np.diff(rates_) <= 0):
        raise InputError(f"pruning rates must start at 0 and increase, got {list(rates)}")
    if accuracy.shape[-1:] != rates_.shape:
        raise InputError(f"{len(rates_)} pruning rates, but accuracy has shape {accuracy.shape}")
    return rates_, accuracy
