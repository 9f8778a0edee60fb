"""A claim, and how an interval decides it (docs/method.md, "Claims")."""

from dataclasses import dataclass
from typing import Literal

from pipeline.analysis.intervals import Interval

Verdict = Literal["reproduced", "not reproduced", "upheld", "not upheld", "undecided"]


@dataclass(frozen=True)
class Claim:
    """One line of the claims table; accuracies and probabilities in points."""

    id: str
    statement: str
    task: str | None
    seed: int | None
    n: int | None
    statistic: str
    value: Interval | None
    rule: str
    verdict: Verdict
    paper: str | None = None


def decide(interval: Interval, *, low: float | None = None, high: float | None = None, strict: bool = False) -> Verdict:
    """Reproduced if the whole interval lies at `low` or above and at `high` or below, not if wholly outside of either.

    `strict` asks for more than `low`: an interval that ends at it does not do.
    """
    above = low is None or (interval.low > low if strict else interval.low >= low)
    below = high is None or interval.high <= high
    if above and below:
        return "reproduced"
    outside = (low is not None and interval.high < low) or (high is not None and interval.low > high)
    if strict and low is not None:
        outside = outside or interval.high <= low
    return "not reproduced" if outside else "undecided"


def objection(verdict: Verdict) -> Verdict:
    """The same verdict in the words for a reviewer's objection."""
    named: dict[Verdict, Verdict] = {"reproduced": "upheld", "not reproduced": "not upheld"}
    return named.get(verdict, verdict)
