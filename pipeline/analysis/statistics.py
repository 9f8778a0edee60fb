"""Statistics of a task, estimated from what was measured of each of its models (docs/method.md, "Intervals")."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.derived import least_of, ratio_of_means
from pipeline.analysis.estimates import crossed, over_examples, over_replicates
from pipeline.analysis.intervals import Interval
from pipeline.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.analysis.estimates import Estimate
    from pipeline.analysis.keys import Key


# What a unit's values lie between, where a measure does not say so itself.
RANGES = {"%": (0.0, 100.0), "points": (-100.0, 100.0), "correlation": (-1.0, 1.0), "tau": (-1.0, 1.0)}
ANY = (-math.inf, math.inf)
Range = tuple[float, float]


@dataclass(frozen=True)
class Mean:
    """A mean over examples: of one model, one value per example, `(example,)`.

    `step` is about what a single example adds where it changes at all; 0 where that may be anything. `within` is what
    the mean can be, if its unit does not tell (`RANGES`).
    """

    label: str
    unit: str
    values: NDArray[np.float64]
    step: float = 0.0
    within: Range | None = None


@dataclass(frozen=True)
class MeanOfThese(Mean):
    """A mean over examples and these very models: it says nothing of others."""


@dataclass(frozen=True)
class Least(Mean):
    """The least of these very models' means over examples."""


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means over the same examples of one model, both `(example,)`.

    `step` is about what a single example adds to the numerator where it changes at all; 0 where that may be anything.
    `within` as in `Mean`.
    """

    label: str
    unit: str
    above: NDArray[np.float64]
    below: NDArray[np.float64]
    step: float = 0.0
    within: Range | None = None


@dataclass(frozen=True)
class Single:
    """Anything else: one number per model, None where it is undefined, and then why; `within` as in `Mean`."""

    label: str
    unit: str
    value: float | None
    why: str | None = None
    within: Range | None = None


Measure = Mean | Ratio | Single
MEANS = {Mean: crossed, MeanOfThese: over_examples, Least: least_of}

NOTHING_VARIES = "nothing varied, which tells nothing"
NOTHING_KNOWN = "nothing known: the interval is the whole range"
NO_END = "what it is a share of may be 0: it could be anything"


@dataclass(frozen=True)
class Statistic:
    """What all models of a task came to. `label` says to a reader what `key` is, both without the task.

    `estimate` is None where the statistic is undefined, and `why` says so; `by_seed` holds each model's own value,
    `of_models` what was measured of each.
    """

    task: str | None
    key: Key
    label: str
    unit: str
    estimate: Estimate | None
    by_seed: tuple[float | None, ...]
    why: str | None = None
    of_models: tuple[Measure, ...] = ()

    @property
    def within(self) -> Range:
        """What it can be."""
        stated = next((one.within for one in self.of_models if one.within), None)
        return stated or RANGES.get(self.unit, ANY)

    @property
    def stepped(self) -> bool:
        """Whether it is said what a single example adds where it changes at all."""
        return any(one.step > 0 for one in self.of_models if not isinstance(one, Single))

    def interval(self, *, level: float = 0.95) -> Interval | None:
        """Its interval, which ends where its range does; None where nothing tells it, or it is the whole range."""
        found = self.estimate.interval(level=level) if self.estimate else None
        low, high = self.within  # Student's t knows no bounds
        if found is None or (found.low <= low and found.high >= high):
            return None
        return Interval(found.value, max(low, found.low), min(high, found.high))

    def record(self, *, level: float = 0.95) -> dict[str, Any]:
        """A flat row: value, interval (low, high) at `level`, what it holds, standard error, sizes."""
        found, interval = self.estimate, self.interval(level=level)
        return {
            "task": self.task,
            "name": self.key.text,
            "label": self.label,
            "unit": self.unit,
            "value": found.value if found else None,
            "low": interval.low if interval else None,
            "high": interval.high if interval else None,
            "level": level,
            "holds": found.holds if found and interval else None,
            "error": found.error if found else None,
            "replicates": found.replicates if found else None,
            "n": found.n if found else None,
            "by_seed": list(self.by_seed),
            "why": self.why or (self._no_interval() if found and found.holds and not interval else None),
        }

    def _no_interval(self) -> str:
        return NOTHING_KNOWN if self.estimate and self.estimate.interval() else NO_END


def statistics(
    task: str | None, models: Sequence[Mapping[Key, Measure]], *, examples: Sequence[Sequence[str]] | None = None
) -> list[Statistic]:
    """Estimate every measure, of which each model of the task has one by the same key.

    `examples` are the ids of each model's examples, in their order.

    Raises:
        InputError: if the models were not measured on the same examples, or not by the same measures.
    """
    if examples and any(list(ids) != list(examples[0]) for ids in examples):
        raise InputError(f"the models of {task} were measured on different examples: run their stages again")
    if any(list(measures) != list(models[0]) for measures in models):
        raise InputError(f"the models of {task} were measured by different measures: run their stages again")
    return [_estimated(task, key, [measures[key] for measures in models]) for key in models[0]]


def _estimated(task: str | None, key: Key, of_models: Sequence[Measure]) -> Statistic:
    by_seed = [_of_one(measure) for measure in of_models]
    known: dict[str, Any] = {"task": task, "key": key, "label": of_models[0].label, "unit": of_models[0].unit}
    known |= {
        "of_models": tuple(of_models),
        "by_seed": tuple(None if value is None else round(value, 12) + 0.0 for value in by_seed),
    }
    if missing := [one for one in of_models if isinstance(one, Single) and one.value is None]:
        reasons = "; ".join(dict.fromkeys(one.why for one in missing if one.why))
        why = f"undefined for {len(missing)} of {len(of_models)} models{f': {reasons}' if reasons else ''}"
        return Statistic(**known, estimate=None, why=why)
    # Of some models a mean may be known by its value alone; then all are.
    means = [one for one in of_models if isinstance(one, Mean)]
    if len(means) == len(of_models):
        values, step = np.stack([one.values for one in means]), max(one.step for one in means)
        estimated = MEANS[type(means[0])](values, step=step)
        return Statistic(**known, estimate=estimated, why=None if estimated.holds else NOTHING_VARIES)
    ratios = [one for one in of_models if isinstance(one, Ratio)]
    if len(ratios) == len(of_models):
        above, below = np.stack([one.above for one in ratios]), np.stack([one.below for one in ratios])
        estimate = ratio_of_means(above, below, step=max(one.step for one in ratios))
        if estimate is None:
            return Statistic(**known, estimate=None, why="what it is a share of is not above 0")
        return Statistic(**known, estimate=estimate, why=None if estimate.holds else NOTHING_VARIES)
    single = over_replicates([value for value in by_seed if value is not None])
    return Statistic(**known, estimate=single, why=None if single.holds or single.replicates == 1 else NOTHING_VARIES)


def _of_one(measure: Measure) -> float | None:
    """The value of one model."""
    match measure:
        case Mean():
            return float(measure.values.mean())
        case Ratio():
            below = float(measure.below.mean())
            return float(measure.above.mean()) / below if below else None
        case Single():
            return measure.value
