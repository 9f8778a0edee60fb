"""How a rule decides a claim, task by task (docs/method.md, "Verdicts")."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.estimates import Estimate, MeanEstimate

Verdict = Literal["reproduced", "not reproduced", "open"]

LEVEL = 0.05  # of a family of tasks, both sides together
LEAST_REPLICATES = 3  # two differ by chance so much that their interval is 13 standard errors wide
MOST_MODELS, MOST_EXAMPLES = 200, 100_000  # beyond which nobody would go
LEAST_CHANGED = 10  # examples that differ from the median, for a mean whose step is not known


@dataclass(frozen=True)
class Limits:
    """Where a statistic has to lie for a claim to hold: above `low`, below `high`, or between the two."""

    low: float | None = None
    high: float | None = None

    def inside(self, value: float) -> bool:
        """Whether a value lies there."""
        return (self.low is None or value > self.low) and (self.high is None or value < self.high)

    def p_inside(self, estimate: Estimate) -> float:
        """One-sided p of "it lies outside": small where it is inside."""
        sides = [estimate.p_above(self.low)] if self.low is not None else []
        sides += [estimate.p_below(self.high)] if self.high is not None else []
        return max(sides)

    def p_outside(self, estimate: Estimate) -> float:
        """One-sided p of "it lies inside": small where it is outside."""
        sides = [estimate.p_below(self.low)] if self.low is not None else []
        sides += [estimate.p_above(self.high)] if self.high is not None else []
        return min(1.0, len(sides) * min(sides))

    def nearest(self, value: float) -> float:
        """The limit that a value is nearest to; 0 without any."""
        limits = [limit for limit in (self.low, self.high) if limit is not None]
        return min(limits, key=lambda one: abs(one - value), default=0.0)


@dataclass(frozen=True)
class Decision:
    """A claim's verdict on one task, its p after Holm's adjustment, and the level at which its intervals decided.

    `why` says of an open one where it points and what is missing.
    """

    verdict: Verdict
    p: float | None = None
    level: float = 1 - LEVEL
    why: str | None = None


def decide(
    parts: Mapping[str, Sequence[Estimate]],
    limits: Sequence[Limits],
    *,
    of_parts: Literal["all", "any"] = "all",
    barred: Mapping[str, str],
) -> dict[str, Decision]:
    """Decide a claim on each of its tasks; the tasks are a family, adjusted by Holm's method.

    `parts` holds, for each task, the estimates of the claim's primary rows, each with its `limits`: the claim asks that
    all of them, or any, lie inside. `barred` names tasks that may not decide, with the reason.
    """
    tasks, other = [task for task in parts if task not in barred], "any" if of_parts == "all" else "all"
    p_for, p_against = {}, {}
    for task in tasks:
        rows = list(zip(limits, parts[task], strict=True))
        p_for[task] = _joint([limit.p_inside(estimate) for limit, estimate in rows], of_parts)
        p_against[task] = _joint([limit.p_outside(estimate) for limit, estimate in rows], other)
    p = [min(1.0, 2 * min(p_for[task], p_against[task])) for task in tasks]
    decisions = {task: Decision("open", why=why) for task, why in barred.items()}
    for task, adjusted, level in zip(tasks, holm(p), levels(p), strict=True):
        if adjusted > LEVEL:
            why = _missing(parts[task], limits, of_parts, level=level)
            decisions[task] = Decision("open", adjusted, level, why)
        else:
            verdict = "reproduced" if p_for[task] < p_against[task] else "not reproduced"
            # Where one part is enough, each is asked at a level of its own.
            enough = (verdict == "reproduced") == (of_parts == "any")
            decided_at = 1 - (1 - level) / (len(limits) if enough else 1)
            decisions[task] = Decision(verdict, adjusted, decided_at)
    return decisions


def holm(p: Sequence[float]) -> list[float]:
    """The p values of a family, adjusted (Holm 1979): those at most 0.05 hold together at 5 %."""
    adjusted, highest = [0.0] * len(p), 0.0
    for place, number in enumerate(np.argsort(p, kind="stable").tolist()):
        highest = max(highest, min(1.0, (len(p) - place) * p[number]))
        adjusted[number] = highest
    return adjusted


def levels(p: Sequence[float]) -> list[float]:
    """The level of the interval by which Holm's method asks each of a family: the smallest p has the highest."""
    asked = [0.0] * len(p)
    for place, number in enumerate(np.argsort(p, kind="stable").tolist()):
        asked[number] = 1 - LEVEL / (len(p) - place)
    return asked


def _joint(p: Sequence[float], of_parts: Literal["all", "any"]) -> float:
    """All parts hold if the weakest does; any holds if the strongest does after Bonferroni's adjustment."""
    return max(p) if of_parts == "all" else min(1.0, len(p) * min(p))


def _missing(
    estimates: Sequence[Estimate], limits: Sequence[Limits], of_parts: Literal["all", "any"], *, level: float
) -> str:
    """Where an open claim points, and what would decide it if the values stayed as they are."""
    rows = list(zip(limits, estimates, strict=True))
    inside = [limit.inside(estimate.value) for limit, estimate in rows]
    holds = all(inside) if of_parts == "all" else any(inside)
    # The row that stands in the way: of a claim that asks for all the weakest, else the strongest one.
    pick = max if holds == (of_parts == "all") else min
    limit, estimate = pick(rows, key=lambda row: row[0].p_inside(row[1]) if holds else row[0].p_outside(row[1]))
    direction = "points to it" if holds else "points against it"
    return f"{direction}; {too_few(estimate.beyond(limit.nearest(estimate.value)), level=level)}"


def too_few(mean: MeanEstimate, *, level: float) -> str:
    """What there is too little of for a mean to be told from 0 at `level`, and how much would do if it stayed so.

    Models or examples, whichever part of the interval is the larger.
    """
    p, parts = (1 - level) / 2, mean.parts or ()
    of_models = [part for part in parts if part.source == "models"]
    of_examples = [part for part in parts if part.source != "models"]
    width = {name: sum(part.half_width(p) ** 2 for part in of) for name, of in (("m", of_models), ("e", of_examples))}
    distance = abs(mean.value)
    if width["m"] >= width["e"]:
        for count in range(mean.replicates + 1, MOST_MODELS + 1):
            grown = sum(part.grown(mean.replicates, count).half_width(p) ** 2 for part in of_models)
            if grown + width["e"] <= distance**2:
                return f"too few models: {count} would do"
        return f"too few models: {MOST_MODELS} would not do"
    n = mean.n or 1
    while n < MOST_EXAMPLES:
        n = math.ceil(1.05 * n)
        grown = sum(part.grown(mean.n or 1, n).half_width(p) ** 2 for part in of_examples)
        if grown + width["m"] <= distance**2:
            return f"too few examples: about {_round(n)} would do"
    return f"too few examples: {MOST_EXAMPLES:,} would not do"


def _round(n: int) -> int:
    """Up to two digits that count."""
    unit = 10 ** max(0, len(str(n)) - 2)
    return math.ceil(n / unit) * unit
