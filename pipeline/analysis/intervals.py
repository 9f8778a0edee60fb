"""Intervals as they are shown, and what one model's accuracy tells by itself; see `estimates` for all else."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.errors import InputError

ROUNDING = 12  # decimals of an interval, in whatever unit


@dataclass(frozen=True)
class Interval:
    """A statistic with its interval, all three in the unit of the statistic."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        # Sums of fractions end a rounding error beside what they stand for, and a verdict asks whether an end is zero.
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, round(float(getattr(self, name)), ROUNDING) + 0.0)

    @classmethod
    def of(cls, part: Mapping[str, Any], scale: float = 1) -> Self:
        """A metrics file's {value, low, high}, in another unit: `scale` 100 makes points of a fraction."""
        return cls(*(float(scale * part[name]) for name in ("value", "low", "high")))


QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}


def quantiles(values: ArrayLike) -> dict[str, float | None]:
    """`QUANTILES` of some numbers; None where there are none."""
    values = np.asarray(values, np.float64)
    return {name: float(np.quantile(values, at)) if len(values) else None for name, at in QUANTILES.items()}


def wilson_interval(
    correct: ArrayLike, n: ArrayLike, *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score interval of a proportion (Wilson 1927); inside [0, 1] also for 0 or n correct.

    `correct` and `n` are counts of any shapes that broadcast; returns (low, high) as fractions in that shape.
    """
    correct, n = np.asarray(correct, np.float64), np.asarray(n, np.float64)
    if np.any(n < 1) or np.any(correct < 0) or np.any(correct > n):
        raise InputError("wilson_interval needs 0 <= correct <= n and at least one example")
    z = NormalDist().inv_cdf((1 + level) / 2)
    proportion = correct / n
    centre = proportion + z**2 / (2 * n)
    half_width = z * np.sqrt(proportion * (1 - proportion) / n + z**2 / (4 * n**2))
    # At the ends the formula is exactly 0 or 1; rounding must not push it past.
    low = np.where(correct == 0, 0.0, (centre - half_width) / (1 + z**2 / n))
    high = np.where(correct == n, 1.0, (centre + half_width) / (1 + z**2 / n))
    return low, high


def clearly_above(accuracy: float, majority: float, n: int) -> bool:
    """Whether an accuracy over n examples exceeds the share of the majority class by three standard errors."""
    return accuracy - majority > 3 * standard_error(accuracy, n)


def majority_share(metrics: Mapping[str, Any]) -> float:
    """The share of the largest class among the examples that `finetune` measured."""
    return max(part["n"] for part in metrics["per_class"].values()) / metrics["n"]


def standard_error(accuracy: float, n: int) -> float:
    """One standard error of an accuracy (a fraction) over n examples."""
    return float(np.sqrt(accuracy * (1 - accuracy) / n))
