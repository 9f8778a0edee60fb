"""What is made of means: ratios of two, and the least of several models (docs/method.md, "Intervals")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.optimize import brentq

from pipeline.analysis.estimates import MeanEstimate, Part, changes, crossed, variance_parts
from pipeline.analysis.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from pipeline.analysis.estimates import Holds

FURTHEST = 64  # doublings of a ratio's interval after which it has no end


@dataclass(frozen=True)
class RatioEstimate:
    """Mean of `above` over mean of `below`, both `(replicate, example)`, the latter above 0.

    "More than r" is asked as mean(above - r · below) > 0 (Fieller 1954), which is an ordinary mean however near to 0
    the denominator may be. `step` is what a single example adds to the numerator where it changes at all.
    """

    above: NDArray[np.float64]
    below: NDArray[np.float64]
    step: float = 0.0

    @property
    def value(self) -> float:
        """The ratio."""
        return float(self.above.mean()) / float(self.below.mean())

    @property
    def replicates(self) -> int:
        """Number of models."""
        return self.above.shape[0]

    @property
    def n(self) -> int:
        """Number of examples."""
        return self.above.shape[1]

    @property
    def holds(self) -> Holds | None:
        """What its interval lets vary."""
        return self.beyond(self.value).holds

    @property
    def error(self) -> float | None:
        """Standard error, linearised."""
        error = self.beyond(self.value).error
        return None if error is None else error / float(self.below.mean())

    def beyond(self, limit: float) -> MeanEstimate:
        """Mean of the numerator less `limit` times the denominator."""
        return crossed(self.above - limit * self.below, step=self.step)

    def p_above(self, limit: float) -> float:
        """One-sided p of "the true ratio is at most `limit`"; 1 where nothing is known."""
        return self.beyond(limit).p_above(0.0)

    def p_below(self, limit: float) -> float:
        """One-sided p of "the true ratio is at least `limit`"; 1 where nothing is known."""
        return self.beyond(limit).p_below(0.0)

    def interval(self, *, level: float = 0.95) -> Interval | None:
        """All ratios that neither side rejects at `level`; None where they have no end, or nothing varied."""
        if self.holds is None:
            return None
        widths = self._squared_widths((1 - level) / 2)
        above, below = float(self.above.mean()), float(self.below.mean())

        def outside(ratio: float) -> float:
            # Parts are quadratic in the ratio, and at least 0.
            squares = sum(max(0.0, a - 2 * ratio * ab + ratio * ratio * b) for a, ab, b in widths)
            return (above - ratio * below) ** 2 - squares

        low, high = _end(outside, self.value, -1.0), _end(outside, self.value, 1.0)
        return None if low is None or high is None else Interval(self.value, low, high)

    def _squared_widths(self, p: float) -> list[tuple[float, float, float]]:
        """Of every part of the interval its squared half width at `p`: of `above`, of both together, of `below`."""
        tables = {"a": self.above, "b": self.below, "ab": self.above + self.below}
        parts = {name: variance_parts(table, step=0.0) for name, table in tables.items()}
        found = []
        for a, both, b in zip(parts["a"], parts["ab"], parts["b"], strict=True):
            factor = Part(a.source, 1.0, a.freedom).half_width(p) ** 2
            found.append(
                (factor * a.variance, factor * (both.variance - a.variance - b.variance) / 2, factor * b.variance)
            )
        unseen = variance_parts(self.above, step=self.step)[-1]
        return [*found, (unseen.half_width(p) ** 2, 0.0, 0.0)]


def _end(outside: Callable[[float], float], start: float, direction: float) -> float | None:
    """Where `outside` turns positive, on the way from `start`; None where it never does."""
    reach = start
    for doubling in range(FURTHEST):
        last, reach = reach, start + direction * 2.0 ** (doubling - FURTHEST // 2)
        if outside(reach) > 0:
            return float(np.asarray(brentq(outside, last, reach)))
    return None


def ratio_of_means(above: ArrayLike, below: ArrayLike, *, step: float = 0.0) -> RatioEstimate | None:
    """Mean of `above` over mean of `below`, both `(replicate, example)`; None where the denominator is not above 0.

    Where no step is given, but most examples have the same residual, it is what the others differ by at most.
    """
    above_, below_ = np.asarray(above, np.float64), np.asarray(below, np.float64)
    if below_.mean() <= 0:
        return None
    changed, largest = changes(above_ - above_.mean() / below_.mean() * below_)
    return RatioEstimate(above_, below_, step or (largest if 2 * changed < above_.shape[1] else 0.0))


def ratio_bounds(above: NDArray[np.float64], below: NDArray[np.float64]) -> dict[str, float | None]:
    """Both ends, `low` and `high`, of the interval of one model's ratio of means, over its examples, `(example,)`.

    None where it has none.
    """
    estimate = ratio_of_means(above[None], below[None])
    interval = estimate.interval() if estimate else None
    return {"low": interval.low if interval else None, "high": interval.high if interval else None}


@dataclass(frozen=True)
class LeastEstimate:
    """The least of several models' means, of these very models: each is an estimate over its own examples."""

    models: tuple[MeanEstimate, ...]

    @property
    def value(self) -> float:
        """The least mean."""
        return self._least.value

    @property
    def replicates(self) -> int:
        """Number of models."""
        return len(self.models)

    @property
    def n(self) -> int | None:
        """Number of examples."""
        return self._least.n

    @property
    def holds(self) -> Literal["this model", "examples"] | None:
        """What its interval lets vary."""
        if self._least.parts is None:
            return None
        return "this model" if self.replicates == 1 else "examples"

    @property
    def error(self) -> float | None:
        """Standard error of the least one."""
        return self._least.error

    @property
    def _least(self) -> MeanEstimate:
        return min(self.models, key=lambda one: one.value)

    def beyond(self, limit: float) -> MeanEstimate:
        """The least mean less `limit`."""
        return self._least.beyond(limit)

    def p_above(self, limit: float) -> float:
        """All are above if the one that is least surely above is."""
        return max(one.p_above(limit) for one in self.models)

    def p_below(self, limit: float) -> float:
        """One is below if the one that is most surely below is, after Bonferroni's adjustment."""
        return min(1.0, len(self.models) * min(one.p_below(limit) for one in self.models))

    def interval(self, *, level: float = 0.95) -> Interval | None:
        """From the lowest of the models' lower ends to the lowest of their upper ends, adjusted for their number."""
        adjusted = 1 - (1 - level) / len(self.models)
        lower = [one.interval(level=level) for one in self.models]
        upper = [one.interval(level=adjusted) for one in self.models]
        if None in lower or None in upper:
            return None
        return Interval(self.value, min(one.low for one in lower if one), min(one.high for one in upper if one))


def least_of(values: ArrayLike, *, step: float = 0.0) -> LeastEstimate:
    """The least of the means of `(replicate, example)` values over examples."""
    return LeastEstimate(tuple(crossed(row[None], step=step) for row in np.asarray(values, np.float64)))
