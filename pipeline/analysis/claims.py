"""What the paper and a review of it claim, decided by the rules of `rules.yaml` (docs/method.md, "Claims")."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pipeline.analysis.intervals import clearly_above, majority_share
from pipeline.analysis.verdicts import LEAST_REPLICATES, decide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.rules import Rule, Rules
    from pipeline.analysis.statistics import Statistic
    from pipeline.analysis.verdicts import Decision

Record = dict[str, Any]

ALL_TASKS = "all"  # the name of what a statistic over several tasks is about
WORDS = {"reproduced": "upheld", "not reproduced": "not upheld"}  # of an objection
VERDICTS = ("reproduced", "not reproduced", "undecided", "not decidable")


def weak_models(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Tasks with a model that is not three standard errors above the majority class, with the words for it.

    Such a model has learned too little for its heads to say anything.
    """
    found: dict[str, list[int]] = {}
    for record in records:
        if not clearly_above(record["accuracy"], majority_share(record), record["n"]):
            found.setdefault(record["task"], []).append(record["seed"])
    return {
        task: f"seed {', '.join(map(str, seeds))} is not three standard errors above the majority class"
        for task, seeds in found.items()
    }


def judge(
    rules: Rules, statistics: Mapping[str, Sequence[Statistic]], *, weak: Mapping[str, str], seeds: Sequence[int]
) -> list[Record]:
    """One record per rule: its words, the verdict over all tasks, and for each task its verdict and rows.

    `statistics` are those of every experiment; `weak` says why a task decides nothing. What is shown with a row is
    `Statistic.record`.
    """
    if weak:
        weak = {**weak, ALL_TASKS: "; ".join(f"{task}, {why}" for task, why in weak.items())}
    return [_judged(rule, statistics.get(rule.experiment, ()), rules, weak=weak, seeds=seeds) for rule in rules.rules]


def _judged(
    rule: Rule, found: Sequence[Statistic], rules: Rules, *, weak: Mapping[str, str], seeds: Sequence[int]
) -> Record:
    by_name = {(one.task or ALL_TASKS, one.key.text): one for one in found}
    tasks = [task for task in dict.fromkeys(task for task, _ in by_name) if rule.tasks is None or task in rule.tasks]
    primary = {
        task: [by_name[task, part.statistic] for part in rule.primary]
        for task in tasks
        if all((task, part.statistic) in by_name for part in rule.primary)
    }
    decisions = _decisions(rule, primary, weak=weak)
    return {
        "id": rule.id,
        "claim": rule.claim,
        "source": rule.source,
        "objection": rule.objection,
        "any": rule.any,
        "rule": (" or " if rule.any else " and ").join(f"{part.text}" for part in rule.primary),
        "date": rule.date.isoformat(),
        "digest": rules.digest,
        "verdict": _overall([decisions[task].verdict for task in primary], objection=rule.objection),
        "tasks": [
            {
                "task": task,
                "verdict": _in_words(decisions[task].verdict, objection=rule.objection),
                "p": decisions[task].p,
                "why": decisions[task].why,
                "seen": [seed for seed in seeds if seed in rules.seen.get(task, ())],
                "primary": [row.record() | {"rule": part.text} for row, part in zip(rows, rule.primary, strict=True)],
                "secondary": [row.record() for row in _secondary(rule, task, found)],
            }
            for task, rows in primary.items()
        ],
    }


def _decisions(
    rule: Rule, primary: Mapping[str, Sequence[Statistic]], *, weak: Mapping[str, str]
) -> dict[str, Decision]:
    barred = {task: why for task, why in weak.items() if task in primary}
    for task, rows in primary.items():
        least = min((row.estimate.replicates for row in rows if row.estimate), default=0)
        if missing := next((row for row in rows if row.estimate is None), None):
            barred[task] = f"{missing.label}: {missing.why}"
        elif least < LEAST_REPLICATES:
            barred[task] = f"{_count(least, 'model')}, and a verdict needs {LEAST_REPLICATES}"
    estimates = {
        task: [row.estimate for row in rows if row.estimate] for task, rows in primary.items() if task not in barred
    }
    limits = [part.limits for part in rule.primary]
    return decide(estimates, limits, of_parts="any" if rule.any else "all", barred=barred)


def _secondary(rule: Rule, task: str, found: Sequence[Statistic]) -> list[Statistic]:
    decides = {part.statistic for part in rule.primary}
    return [
        one
        for one in found
        if (one.task or ALL_TASKS) == task
        and one.key.text not in decides
        and any(fnmatchcase(one.key.text, pattern) for pattern in rule.secondary)
    ]


def _overall(verdicts: Sequence[str], *, objection: bool) -> str:
    """The verdict over the tasks: `reproduced on 2 of 3, undecided on 1`."""
    if not verdicts:
        return "no task for it"
    counts = [(verdict, verdicts.count(verdict)) for verdict in VERDICTS if verdict in verdicts]
    named = [f"{_in_words(verdict, objection=objection)} on {count}" for verdict, count in counts]
    return f"{named[0]} of {len(verdicts)}" + "".join(f", {one}" for one in named[1:])


def _in_words(verdict: str, *, objection: bool) -> str:
    return WORDS.get(verdict, verdict) if objection else verdict


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
