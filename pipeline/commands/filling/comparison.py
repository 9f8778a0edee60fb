"""Which score to take, and from which others it is told apart: words that follow from intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipeline.analysis.verdicts import LEAST_REPLICATES
from pipeline.commands.filling.questions import COSTS, NEVER_TAKEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.keys import Key
    from pipeline.commands.filling.questions import Question

    Record = Mapping[str, Any]

Word = Literal["better", "worse", "undecided"]

MOST_NAMED = 2  # of those that are not told apart
LEAST_TASKS = 2  # on one task, one of a dozen scores is told apart by chance too often


@dataclass(frozen=True)
class Measured:
    """What a run says of one task: its statistics of an experiment by name."""

    run: str
    task: str
    found: Mapping[str, Record]

    def one(self, key: Key | None) -> Record | None:
        """A statistic; None where the run does not have it, or where it is undefined."""
        record = self.found.get(key.text) if key else None
        return record if record and record["value"] is not None else None


@dataclass(frozen=True)
class Difference:
    """One score minus another one, paired, with its 95 % interval: without ends where nothing tells it."""

    value: float
    low: float | None
    high: float | None
    models: int

    @property
    def word(self) -> Word:
        """What may be said of it: something only if enough models were measured and the interval excludes 0."""
        if self.low is None or self.high is None or self.models < LEAST_REPLICATES:
            return "undecided"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "undecided"


def difference(question: Question, at: Measured, score: str, other: str) -> Difference | None:
    """`score` minus `other` on a task; None where the run does not have it, or it is undefined."""
    for pair, sign in (((score, other), 1), ((other, score), -1)):
        if one := at.one(question.differences.get(pair)):
            ends = [None, None] if one["low"] is None else [sign * one["low"], sign * one["high"]]
            low, high = ends[::sign]
            return Difference(sign * one["value"], low, high, one["replicates"])
    return None


def first(question: Question, tasks: Sequence[Measured]) -> str | None:
    """The score with the best mean rank over tasks, of those measured on all; of equal ones the cheapest.

    Ranks are taken of the differences to the reference, ties share theirs. None where no task was measured.
    """
    order = _in_order(question, tasks)
    return order[0] if order else None


def choice(question: Question, tasks: Sequence[Measured]) -> tuple[str, ...]:
    """The score to take: one; two where it is undecided between them; none where nothing is told apart.

    A score is taken if it is told to be better than the paper's: on two tasks at least, on more than half of them, and
    never worse. The paper's is taken if it stands first by value and is told to be better, so often, than another score
    that one can take. Else it is undecided between the paper's and the one that is ahead: by any interval, or by value.
    """
    order = _in_order(question, tasks)
    if question.reference not in order:
        return ()
    said = words(question, tasks, question.reference)
    better = [score for score in order if "worse" in (of := said.get(score, [])) and "better" not in of]
    if mostly := [score for score in better if _mostly(said[score], "worse")]:
        return (mostly[0],)
    leader = better[0] if better else order[0]
    if leader != question.reference:
        return (question.reference, leader)
    found = any(_mostly(of, "better") for other, of in said.items() if other not in NEVER_TAKEN)
    return (question.reference,) if found else ()


def _mostly(said: Sequence[Word], word: Word) -> bool:
    """Whether it holds on two tasks or more, which are more than half."""
    return said.count(word) >= LEAST_TASKS and 2 * said.count(word) > len(said)


def _in_order(question: Question, tasks: Sequence[Measured]) -> list[str]:
    """The scores that one can take, by mean rank, then by cost."""
    beyond = {score: [_beyond_reference(question, at, score) for at in tasks] for score in question.scores}
    known = {
        score: [value for value in values if value is not None]
        for score, values in beyond.items()
        if tasks and score not in NEVER_TAKEN and None not in values
    }

    def mean_rank(score: str) -> float:
        ranks = [
            sum((of[at] > known[score][at]) + (of[at] == known[score][at]) / 2 for of in known.values())
            for at in range(len(tasks))
        ]
        return sum(ranks) / len(ranks)

    return sorted(known, key=lambda score: (mean_rank(score), COSTS.get(score, float("inf"))))


def _beyond_reference(question: Question, at: Measured, score: str) -> float | None:
    if score == question.reference:
        return 0.0
    found = difference(question, at, score, question.reference)
    return found.value if found else None


def words(question: Question, tasks: Sequence[Measured], score: str) -> dict[str, list[Word]]:
    """What `score` is to each other one, by task; those that it was never compared with are left out."""
    found: dict[str, list[Word]] = {
        other: [one.word for at in tasks if (one := difference(question, at, score, other))]
        for other in question.scores
        if other != score
    }
    return {other: said for other, said in found.items() if said}


def in_words(question: Question, said: Mapping[str, Sequence[Word]]) -> str:
    """`better than attention (2 of 2); not told apart from contribution`; a score may be named twice."""
    groups: dict[tuple[str, int, int], list[str]] = {}
    for other, of_tasks in said.items():
        for word in ("better", "worse"):
            if count := of_tasks.count(word):
                groups.setdefault((word, count, len(of_tasks)), []).append(question.label(other))
        if not {"better", "worse"} & {*of_tasks}:
            groups.setdefault(("undecided", 0, 0), []).append(question.label(other))
    order = ("better", "worse", "undecided")
    parts = []
    for word, count, of in sorted(groups, key=lambda group: (order.index(group[0]), -group[1] / max(group[2], 1))):
        names = ", ".join(groups[word, count, of])
        if not of and len(groups[word, count, of]) > MOST_NAMED:
            names = f"{len(groups[word, count, of])} others"
        parts.append(f"not told apart from {names}" if not of else f"{word} than {names} ({count} of {of})")
    return "; ".join(parts) or "not compared"
