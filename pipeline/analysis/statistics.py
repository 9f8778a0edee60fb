"""Statistics of a task, estimated from what was measured of each of its models (docs/method.md, "Intervals")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.estimates import Estimate, crossed, over_replicates, ratio_of_means
from pipeline.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.analysis.keys import Key


@dataclass(frozen=True)
class Mean:
    """A mean over examples: of one model, one value per example, `(example,)`.

    `step` is what a single example adds where it changes at all; 0 where it may be anything.
    """

    label: str
    unit: str
    values: NDArray[np.float64]
    step: float = 0.0


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means over the same examples of one model, both `(example,)`."""

    label: str
    unit: str
    above: NDArray[np.float64]
    below: NDArray[np.float64]


@dataclass(frozen=True)
class Single:
    """Anything else: one number per model, None where it is undefined, and then why."""

    label: str
    unit: str
    value: float | None
    why: str | None = None


Measure = Mean | Ratio | Single


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

    def record(self) -> dict[str, Any]:
        """A flat row: value, interval (low, high), what it holds, standard error, sizes."""
        found, interval = self.estimate, self.estimate.interval() if self.estimate else None
        if interval and self.unit == "%":  # Student's t knows no bounds
            interval = replace(interval, low=max(0.0, interval.low), high=min(100.0, interval.high))
        return {
            "task": self.task,
            "name": self.key.text,
            "label": self.label,
            "unit": self.unit,
            "value": found.value if found else None,
            "low": interval.low if interval else None,
            "high": interval.high if interval else None,
            "holds": found.holds if found else None,
            "error": found.error if found else None,
            "replicates": found.replicates if found else None,
            "n": found.n if found else None,
            "by_seed": list(self.by_seed),
            "why": self.why,
        }


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
        # Of some models it may be a mean all the same: one without examples for it leaves the others' undecided too.
        reasons = "; ".join(dict.fromkeys(one.why for one in missing if one.why))
        why = f"undefined for {len(missing)} of {len(of_models)} models{f': {reasons}' if reasons else ''}"
        return Statistic(**known, estimate=None, why=why)
    if means := [one for one in of_models if isinstance(one, Mean)]:
        return Statistic(
            **known, estimate=crossed(np.stack([one.values for one in means]), step=max(one.step for one in means))
        )
    if ratios := [one for one in of_models if isinstance(one, Ratio)]:
        estimate = ratio_of_means(np.stack([one.above for one in ratios]), np.stack([one.below for one in ratios]))
        why = None if estimate else "the interval of its denominator includes 0"
        return Statistic(**known, estimate=estimate, why=why)
    return Statistic(**known, estimate=over_replicates([value for value in by_seed if value is not None]))


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
