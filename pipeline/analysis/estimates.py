"""How uncertain a statistic is when models and examples are both samples (docs/method.md, "Intervals")."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from pipeline.analysis.intervals import ROUNDING, Interval
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

LEAST_P = 1e-100  # smaller ones are 0
Holds = Literal["this model", "models", "models and examples"]


@dataclass(frozen=True)
class Part:
    """A part of a statistic's variance, and the degrees of freedom that it is known by: None if exactly."""

    variance: float
    freedom: float | None

    def half_width(self, p: float) -> float:
        """Of the interval that `p` of the cases exceed on either side, if this were the only part."""
        quantile = ndtri(p) if self.freedom is None else stdtrit(self.freedom, p)
        return -float(quantile) * float(np.sqrt(self.variance))


@dataclass(frozen=True)
class Estimate:
    """A statistic with the parts of its variance, None where nothing tells them.

    `replicates` counts models, `n` examples (None for a statistic that has no value per example).
    """

    value: float
    parts: tuple[Part, ...] | None
    replicates: int
    n: int | None

    def __post_init__(self) -> None:
        # Sums of fractions end a rounding error beside what they stand for, and a verdict asks on which side it is.
        object.__setattr__(self, "value", round(self.value, ROUNDING) + 0.0)

    @property
    def error(self) -> float | None:
        """Standard error."""
        if self.parts is None:
            return None
        return round(float(np.sqrt(sum(part.variance for part in self.parts))), ROUNDING)

    @property
    def holds(self) -> Holds | None:
        """What its interval lets vary."""
        if self.parts is None:
            return None
        if self.replicates == 1:
            return "this model"
        return "models" if self.n is None else "models and examples"

    def interval(self, *, level: float = 0.95) -> Interval | None:
        """The interval at `level`; None without parts."""
        if self.parts is None:
            return None
        half = self._half_width((1 - level) / 2)
        return Interval(self.value, self.value - half, self.value + half)

    def p_above(self, limit: float) -> float:
        """One-sided p of "the true value is at most `limit`": small where it is above; 1 without parts."""
        return self._p(self.value - limit)

    def p_below(self, limit: float) -> float:
        """One-sided p of "the true value is at least `limit`": small where it is below; 1 without parts."""
        return self._p(limit - self.value)

    def _half_width(self, p: float) -> float:
        """Squares add up: each part by a quantile of its own, as in Graybill and Wang (1980)."""
        return math.hypot(*(part.half_width(p) for part in self.parts or ()))

    def _p(self, distance: float) -> float:
        if self.parts is None:
            return 1.0
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        if distance < 0:
            return 1 - self._p(-distance)
        if distance > self._half_width(LEAST_P):
            return 0.0
        # The p whose interval just reaches over the distance.
        at = brentq(lambda log_p: self._half_width(math.exp(log_p)) - distance, math.log(LEAST_P), math.log(0.5))
        return math.exp(float(np.asarray(at)))


def crossed(values: ArrayLike, *, step: float = 0.0) -> Estimate:
    """Mean of `(replicate, example)` values, of which replicates and examples are random and crossed.

    The variance has a part for replicates, with the rest, and one for examples, from the two-way table's mean squares.
    With one replicate it is the t interval over its examples.

    Where an example moves the statistic by a whole `step` or not at all (100 points, for a difference of accuracies),
    those few that would have moved may be missing from the sample. So three more are imagined, a step off the mean:
    without any change the interval reaches 3.4 / n of a step to either side, about what the rule of three gives.
    """
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or table.size == 0:
        raise InputError(f"crossed needs values of shape (replicate, example), got {table.shape}")
    count, n = table.shape
    mean = float(table.mean())
    if n < 2:
        return Estimate(mean, None, count, n)
    unseen = Part(3 * (step / n) ** 2, None)
    if count == 1:
        return Estimate(mean, (Part(float(table.var(ddof=1)) / n, n - 1), unseen), count, n)
    models, examples, rest = mean_squares(table)
    of_examples = max(examples - rest, 0.0) / (count * n)
    return Estimate(mean, (Part(models / (count * n), count - 1), Part(of_examples, n - 1), unseen), count, n)


def mean_squares(table: NDArray[np.float64]) -> tuple[float, float, float]:
    """Of replicates, examples and the rest, in a two-way table `(replicate, example)` of at least two of each."""
    count, n = table.shape
    by_replicate, by_example = table.mean(axis=1), table.mean(axis=0)
    rest = table - by_replicate[:, None] - by_example + table.mean()
    return (
        n * float(by_replicate.var(ddof=1)),
        count * float(by_example.var(ddof=1)),
        float((rest**2).sum()) / ((count - 1) * (n - 1)),
    )


def ratio_of_means(above: ArrayLike, below: ArrayLike) -> Estimate | None:
    """Mean of `above` over mean of `below`, both `(replicate, example)`, linearised.

    None where the denominator's interval includes 0: the ratio could be anything.
    """
    above_, below_ = np.asarray(above, np.float64), np.asarray(below, np.float64)
    denominator = crossed(below_)
    interval = denominator.interval()
    if interval is None or interval.low <= 0 <= interval.high:
        return None
    value = float(above_.mean()) / denominator.value
    linear = crossed((above_ - value * below_) / denominator.value)
    return Estimate(value, linear.parts, linear.replicates, linear.n)


def ratio_bounds(above: NDArray[np.float64], below: NDArray[np.float64]) -> dict[str, float | None]:
    """Both ends, `low` and `high`, of the interval of one model's ratio of means, over its examples, `(example,)`.

    None where `ratio_of_means` knows no interval.
    """
    estimate = ratio_of_means(above[None], below[None])
    interval = estimate.interval() if estimate else None
    return {"low": interval.low if interval else None, "high": interval.high if interval else None}


def over_replicates(values: Sequence[float]) -> Estimate:
    """Mean of one value per replicate, with the t interval over them; a single one has none."""
    found: NDArray[np.float64] = np.asarray(values, np.float64)
    if found.ndim != 1 or len(found) == 0:
        raise InputError(f"over_replicates needs one value per replicate, got shape {found.shape}")
    count = len(found)
    parts = (Part(float(found.var(ddof=1)) / count, count - 1),) if count > 1 else None
    return Estimate(float(found.mean()), parts, count, None)


def holm(p: Sequence[float]) -> list[float]:
    """The p values of a family, adjusted (Holm 1979): those at most 0.05 hold together at 5 %."""
    adjusted, highest = [0.0] * len(p), 0.0
    for place, number in enumerate(np.argsort(p, kind="stable").tolist()):
        highest = max(highest, min(1.0, (len(p) - place) * p[number]))
        adjusted[number] = highest
    return adjusted
