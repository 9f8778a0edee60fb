"""How a rule decides a claim, task by task (docs/method.md, "Verdicts")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pipeline.analysis.estimates import holm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.estimates import Estimate

Verdict = Literal["reproduced", "not reproduced", "undecided", "not decidable"]

LEVEL = 0.05  # of a family of tasks, both sides together
LEAST_REPLICATES = 3  # two differ by chance so much that their interval is 13 standard errors wide


@dataclass(frozen=True)
class Limits:
    """Where a statistic has to lie for a claim to hold: above `low`, below `high`, or between the two.

    `expected` is what it would be if the claim held exactly as it is stated, where that can be said.
    """

    low: float | None = None
    high: float | None = None
    expected: float | None = None

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

    def too_wide(self, estimate: Estimate, *, level: float) -> bool:
        """Whether the interval would reach over a limit even if the value were the expected one."""
        interval = estimate.interval(level=level)
        if self.expected is None or interval is None:
            return False
        half = (interval.high - interval.low) / 2
        return any(limit is not None and half > abs(self.expected - limit) for limit in (self.low, self.high))


@dataclass(frozen=True)
class Decision:
    """A claim's verdict on one task, its p after Holm's adjustment, and why there is no verdict where there is none."""

    verdict: Verdict
    p: float | None = None
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
    open_tasks, other = [task for task in parts if task not in barred], "any" if of_parts == "all" else "all"
    p_for, p_against = {}, {}
    for task in open_tasks:
        rows = list(zip(limits, parts[task], strict=True))
        p_for[task] = _joint([limit.p_inside(estimate) for limit, estimate in rows], of_parts)
        p_against[task] = _joint([limit.p_outside(estimate) for limit, estimate in rows], other)
    strictest = 1 - LEVEL / max(1, len(open_tasks))  # of Holm's steps the first
    adjusted = holm([min(1.0, 2 * min(p_for[task], p_against[task])) for task in open_tasks])
    decisions = {task: Decision("not decidable", why=why) for task, why in barred.items()}
    for task, p in zip(open_tasks, adjusted, strict=True):
        if p <= LEVEL:
            decisions[task] = Decision("reproduced" if p_for[task] < p_against[task] else "not reproduced", p)
        elif any(one.too_wide(found, level=strictest) for one, found in zip(limits, parts[task], strict=True)):
            estimate = parts[task][0]
            why = f"not decidable with n = {estimate.n} and S = {estimate.replicates}"
            decisions[task] = Decision("not decidable", p, why)
        else:
            decisions[task] = Decision("undecided", p)
    return decisions


def _joint(p: Sequence[float], of_parts: Literal["all", "any"]) -> float:
    """All parts hold if the weakest does; any holds if the strongest does after Bonferroni's adjustment."""
    return max(p) if of_parts == "all" else min(1.0, len(p) * min(p))
