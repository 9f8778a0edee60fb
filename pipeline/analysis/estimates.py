"""How uncertain a statistic is when models and examples are both samples (docs/method.md, "Intervals")."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from pipeline.analysis.intervals import ROUNDING, Interval
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

LEAST_P = 1e-100  # smaller ones are 0
NOISE = 1e-5  # of passes in float32, relative to what an effect is
Holds = Literal["this model", "models", "examples", "models and examples"]
Source = Literal["models", "examples", "unseen examples"]


@dataclass(frozen=True)
class Part:
    """A part of a statistic's variance, where it comes from, and the degrees of freedom that it is known by.

    `freedom` is None if it is known exactly.
    """

    source: Source
    variance: float
    freedom: float | None

    def half_width(self, p: float) -> float:
        """Of the interval that `p` of the cases exceed on either side, if this were the only part."""
        quantile = ndtri(p) if self.freedom is None else stdtrit(self.freedom, p)
        return -float(quantile) * float(np.sqrt(self.variance))

    def grown(self, size: int, to: int) -> Part:
        """What it would be with `to` instead of `size` models, or examples: those unseen matter less."""
        shrunk = self.variance * (size / to) ** (2 if self.source == "unseen examples" else 1)
        return Part(self.source, shrunk, None if self.freedom is None else to - 1)


class Estimate(Protocol):
    """A statistic of several models, and how uncertain it is.

    `replicates` counts models, `n` examples (None for a statistic that has no value per example). `holds` is what the
    interval lets vary, `error` the standard error, both None where nothing tells it.
    """

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def replicates(self) -> int: ...  # noqa: D102
    @property
    def n(self) -> int | None: ...  # noqa: D102
    @property
    def holds(self) -> Holds | None: ...  # noqa: D102
    @property
    def error(self) -> float | None: ...  # noqa: D102

    def beyond(self, limit: float) -> MeanEstimate:
        """The mean that is above 0 where the statistic is above `limit`: its sign is what a verdict asks for."""
        ...

    def interval(self, *, level: float = 0.95) -> Interval | None:
        """The interval at `level`; None where nothing tells it, or where it has no end."""
        ...

    def p_above(self, limit: float) -> float:
        """One-sided p of "the true value is at most `limit`": small where it is above; 1 where nothing is known."""
        ...

    def p_below(self, limit: float) -> float:
        """One-sided p of "the true value is at least `limit`": small where it is below; 1 where nothing is known."""
        ...


@dataclass(frozen=True)
class MeanEstimate:
    """A mean with the parts of its variance; None where nothing varied, which tells nothing of how it might.

    `changed` counts the examples of which some model has another value than the median.
    """

    value: float
    parts: tuple[Part, ...] | None
    replicates: int
    n: int | None
    fixed_models: bool = False
    changed: int | None = None

    def __post_init__(self) -> None:
        # Sums of fractions end a rounding error beside what they stand for, and a verdict asks on which side it is.
        object.__setattr__(self, "value", round(self.value, ROUNDING) + 0.0)
        if self.parts is not None and self.error == 0:
            object.__setattr__(self, "parts", None)

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
        if self.n is None:
            return "models"
        return "examples" if self.fixed_models else "models and examples"

    def beyond(self, limit: float) -> MeanEstimate:
        """The mean less `limit`."""
        return replace(self, value=self.value - limit)

    def interval(self, *, level: float = 0.95) -> Interval | None:
        """The interval at `level`; None without parts."""
        if self.parts is None:
            return None
        half = self.half_width((1 - level) / 2)
        return Interval(self.value, self.value - half, self.value + half)

    def p_above(self, limit: float) -> float:
        """One-sided p of "the true value is at most `limit`"; 1 without parts."""
        return self._p(self.value - limit)

    def p_below(self, limit: float) -> float:
        """One-sided p of "the true value is at least `limit`"; 1 without parts."""
        return self._p(limit - self.value)

    def half_width(self, p: float) -> float:
        """Of the interval that `p` of the cases exceed on either side.

        Squares add up: each part by a quantile of its own, as in Graybill and Wang (1980).
        """
        return math.hypot(*(part.half_width(p) for part in self.parts or ()))

    def _p(self, distance: float) -> float:
        if self.parts is None:
            return 1.0
        if distance < 0:
            return 1 - self._p(-distance)
        if distance > self.half_width(LEAST_P):
            return 0.0
        # The p whose interval just reaches over the distance.
        at = brentq(lambda log_p: self.half_width(math.exp(log_p)) - distance, math.log(LEAST_P), math.log(0.5))
        return math.exp(float(np.asarray(at)))


def crossed(values: ArrayLike, *, step: float = 0.0) -> MeanEstimate:
    """Mean of `(replicate, example)` values, of which replicates and examples are random and crossed.

    The variance has a part for replicates, with the rest, and one for examples, from the two-way table's mean squares.
    With one replicate it is the t interval over its examples.

    Where an example moves the statistic by about a whole `step` or not at all (100 points, for a difference of
    accuracies), those few that would have moved may be missing from the sample. So three more are imagined, a step off
    the mean: without any change the interval reaches 3.4 / n of a step to either side, about what the rule of three
    gives. Where no step is given, but most examples are alike, it is what the others differ by at most.
    """
    table = _table(values)
    count, n = table.shape
    mean, (changed, largest) = float(table.mean()), changes(table)
    if n < 2:
        return MeanEstimate(mean, None, count, n, changed=changed)
    step = step or (largest if 2 * changed < n else 0.0)
    parts = [replace(part, variance=max(0.0, part.variance)) for part in variance_parts(table, step=step)]
    return MeanEstimate(mean, tuple(parts), count, n, changed=changed)


def variance_parts(table: NDArray[np.float64], *, step: float) -> list[Part]:
    """The parts of the variance of the mean of a table `(replicate, example)`; that of examples may come out below 0.

    All but the last, of what no example has shown, are quadratic in the table.
    """
    count, n = table.shape
    if count == 1:
        parts = [Part("examples", float(table.var(ddof=1)) / n, n - 1)]
    else:
        models, examples, rest = mean_squares(table)
        parts = [Part("models", models / (count * n), count - 1)]
        parts.append(Part("examples", (examples - rest) / (count * n), n - 1))
    return [*parts, Part("unseen examples", 3 * (step / n) ** 2, None)]


def over_examples(values: ArrayLike, *, step: float = 0.0) -> MeanEstimate:
    """Mean of `(replicate, example)` values over these very models: examples alone are a sample, as in `crossed`."""
    table = _table(values)
    found = crossed(table.mean(axis=0, keepdims=True), step=step)
    return replace(found, replicates=len(table), fixed_models=True, changed=changes(table)[0])


def over_replicates(values: Sequence[float]) -> MeanEstimate:
    """Mean of one value per replicate, with the t interval over them; a single one has none."""
    found: NDArray[np.float64] = np.asarray(values, np.float64)
    if found.ndim != 1 or len(found) == 0:
        raise InputError(f"over_replicates needs one value per replicate, got shape {found.shape}")
    count = len(found)
    parts = (Part("models", float(found.var(ddof=1)) / count, count - 1),) if count > 1 else None
    return MeanEstimate(float(found.mean()), parts, count, None)


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


def changes(table: NDArray[np.float64]) -> tuple[int, float]:
    """How many examples have, in some model, another value than the median, and by how much at most.

    Where most examples are alike, theirs is the median. What differs by `NOISE` of the largest difference is alike.
    """
    away = np.abs(table - np.median(table)).max(axis=0)
    largest = round(float(away.max()), ROUNDING)
    return int((away > NOISE * largest).sum()) if largest else 0, largest


def _table(values: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or table.size == 0:
        raise InputError(f"a mean over examples needs values of shape (replicate, example), got {table.shape}")
    return table
