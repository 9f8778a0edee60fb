"""How uncertain a statistic is when models and examples are both samples (docs/method.md, "Intervals")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from pipeline.analysis.intervals import ROUNDING, Interval
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

TINY = 1e-9
Holds = Literal["this model", "models", "models and examples"]


@dataclass(frozen=True)
class Estimate:
    """A statistic with its standard error and Student's degrees of freedom; both None where nothing tells them.

    `replicates` counts models, `n` examples (None for a statistic that has no value per example).
    """

    value: float
    error: float | None
    freedom: float | None
    replicates: int
    n: int | None

    def __post_init__(self) -> None:
        # Sums of fractions end a rounding error beside what they stand for, and a verdict asks on which side it is.
        object.__setattr__(self, "value", round(self.value, ROUNDING) + 0.0)
        if self.error is not None:
            object.__setattr__(self, "error", round(self.error, ROUNDING))

    @property
    def holds(self) -> Holds | None:
        """What its interval lets vary."""
        if self.error is None:
            return None
        if self.replicates == 1:
            return "this model"
        return "models" if self.n is None else "models and examples"

    def interval(self, *, level: float = 0.95) -> Interval | None:
        """Student's t interval; None without a standard error."""
        if self.error is None or self.freedom is None:
            return None
        half = float(stdtrit(self.freedom, (1 + level) / 2)) * self.error
        return Interval(self.value, self.value - half, self.value + half)

    def p_above(self, limit: float) -> float:
        """One-sided p of "the true value is at most `limit`": small where it is above; 1 without a standard error."""
        return self._p(self.value - limit)

    def p_below(self, limit: float) -> float:
        """One-sided p of "the true value is at least `limit`": small where it is below; 1 without a standard error."""
        return self._p(limit - self.value)

    def _p(self, distance: float) -> float:
        if self.error is None or self.freedom is None:
            return 1.0
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(stdtr(self.freedom, -distance / self.error))


def crossed(values: ArrayLike, *, step: float = 0.0) -> Estimate:
    """Mean of `(replicate, example)` values, of which replicates and examples are random and crossed.

    The variance is the largest of three readings of the two-way table's mean squares, its degrees of freedom are
    Satterthwaite's, at least replicates - 1. With one replicate it is the t interval over its examples.

    Where an example moves the statistic by a whole `step` or not at all (100 points, for a difference of accuracies),
    those few that would have moved may be missing from the sample. So three more are imagined, a step off the mean:
    without any change the interval reaches 3.4 / n of a step to either side, about what the rule of three gives.
    """
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or table.size == 0:
        raise InputError(f"crossed needs values of shape (replicate, example), got {table.shape}")
    count, n = table.shape
    mean, unseen = float(table.mean()), 3 * (step / n) ** 2
    if n < 2:
        return Estimate(mean, None, None, count, n)
    if count == 1:
        return Estimate(mean, float(np.sqrt(table.var(ddof=1) / n + unseen)), n - 1.0, count, n)
    models, examples, rest = mean_squares(table)
    variance = max(models + examples - rest, models, examples)
    spread = models**2 / (count - 1) + examples**2 / (n - 1) + rest**2 / ((count - 1) * (n - 1))
    seen = variance / (count * n)
    # The imagined examples' part is known, so that it has as many degrees of freedom as one likes.
    share = seen / (seen + unseen) if seen > 0 else 0.0
    # Values that do not vary, or by less than can be squared, have the degrees of freedom of one model's.
    freedom = max(count - 1.0, variance**2 / spread) / share**2 if share > TINY and spread > 0 else n - 1.0
    return Estimate(mean, float(np.sqrt(seen + unseen)), freedom, count, n)


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
    return Estimate(value, linear.error, linear.freedom, linear.replicates, linear.n)


def over_replicates(values: Sequence[float]) -> Estimate:
    """Mean of one value per replicate, with the t interval over them; a single one has none."""
    found: NDArray[np.float64] = np.asarray(values, np.float64)
    if found.ndim != 1 or len(found) == 0:
        raise InputError(f"over_replicates needs one value per replicate, got shape {found.shape}")
    if len(found) == 1:
        return Estimate(float(found[0]), None, None, 1, None)
    error = float(found.std(ddof=1) / np.sqrt(len(found)))
    return Estimate(float(found.mean()), error, len(found) - 1.0, len(found), None)


def holm(p: Sequence[float]) -> list[float]:
    """The p values of a family, adjusted (Holm 1979): those at most 0.05 hold together at 5 %."""
    adjusted, highest = [0.0] * len(p), 0.0
    for place, number in enumerate(np.argsort(p, kind="stable").tolist()):
        highest = max(highest, min(1.0, (len(p) - place) * p[number]))
        adjusted[number] = highest
    return adjusted
