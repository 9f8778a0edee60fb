"""What the paper and a review of it claim, decided by the rules of `rules.yaml` (docs/method.md, "Claims")."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.intervals import clearly_above, majority_share
from pipeline.analysis.verdicts import LEAST_CHANGED, LEAST_REPLICATES, LEVEL, Decision, decide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.rules import Primary, Rule, Rules
    from pipeline.analysis.statistics import Statistic

Record = dict[str, Any]

ALL_TASKS = "all"  # the name of what a statistic over several tasks is about
WORDS = {"reproduced": "upheld", "not reproduced": "not upheld"}  # of an objection
VERDICTS = ("reproduced", "not reproduced", "open")


def weak_tasks(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Tasks whose models are, on average, not three standard errors above the majority class, with the words for it.

    Such models have learned too little for their heads to say anything. One weak model among several bars nothing.
    """
    of_tasks: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        of_tasks.setdefault(record["task"], []).append(record)
    found = {}
    for task, models in of_tasks.items():
        accuracy, majority = float(np.mean([one["accuracy"] for one in models])), majority_share(models[0])
        if not clearly_above(accuracy, majority, models[0]["n"]):
            found[task] = (
                f"the models' mean accuracy, {accuracy:.1%}, is not three standard errors above the majority class's "
                f"{majority:.1%}"
            )
    return found


def judge(
    rules: Rules,
    statistics: Mapping[str, Sequence[Statistic]],
    *,
    weak: Mapping[str, str],
    seeds: Mapping[str, Sequence[int]],
) -> list[Record]:
    """One record per rule: its words, the verdict over all tasks, and for each task its verdict and rows.

    `statistics` are those of every experiment; `weak` says why a task's own models decide nothing; `seeds` are those of
    every task. What is shown with a row is `Statistic.record`, with the interval that decided.
    """
    if weak:
        weak = {**weak, ALL_TASKS: "; ".join(f"{task}: {why}" for task, why in weak.items())}
    return [_judged(rule, statistics.get(rule.experiment, ()), rules, weak=weak, seeds=seeds) for rule in rules.rules]


def _judged(
    rule: Rule, found: Sequence[Statistic], rules: Rules, *, weak: Mapping[str, str], seeds: Mapping[str, Sequence[int]]
) -> Record:
    by_name = {(one.task or ALL_TASKS, one.key.text): one for one in found}
    tasks = [task for task in dict.fromkeys(task for task, _ in by_name) if rule.tasks is None or task in rule.tasks]
    primary = {
        task: [by_name[task, part.statistic] for part in rule.primary]
        for task in tasks
        if all((task, part.statistic) in by_name for part in rule.primary)
    }
    bare = {task: rule.without_given for task in primary if not _given(rule, by_name, task)}
    barred = {**bare, **weak} if rule.gate == "accuracy" else bare
    decisions = decisions_of(rule, primary, barred=barred)
    return {
        "id": rule.id,
        "claim": rule.claim,
        "source": rule.source,
        "objection": rule.objection,
        "any": rule.any,
        "rule": rule.text,
        "date": rule.date.isoformat(),
        "digest": rules.digest,
        "verdict": _overall(rule, [decisions[task].verdict for task in primary]),
        "tasks": [
            {
                "task": task,
                "verdict": _in_words(decisions[task].verdict, objection=rule.objection),
                "p": decisions[task].p,
                "why": decisions[task].why,
                "seen": [seed for seed in seeds.get(task, ()) if seed in rules.seen.get(task, ())],
                "primary": [
                    row.record(level=decisions[task].level) | {"needs": part.needs(row.unit)}
                    for row, part in zip(rows, rule.primary, strict=True)
                ],
                "secondary": [row.record() for row in _secondary(rule, task, found)],
            }
            for task, rows in primary.items()
        ],
    }


def decisions_of(
    rule: Rule, primary: Mapping[str, Sequence[Statistic]], *, barred: Mapping[str, str]
) -> dict[str, Decision]:
    """What a rule decides on each task, of whose rows `primary` holds the statistics; `barred` says why one may not."""
    barred = {task: why for task, why in barred.items() if task in primary}
    if rule.without_verdict:
        barred |= dict.fromkeys(primary, rule.without_verdict)
    for task, rows in primary.items():
        reasons = (_undecidable(row, part) for row, part in zip(rows, rule.primary, strict=True))
        if why := next(filter(None, reasons), None):
            barred.setdefault(task, why)
    estimates = {
        task: [row.estimate for row in rows if row.estimate] for task, rows in primary.items() if task not in barred
    }
    limits = [part.limits for part in rule.primary]
    return decide(estimates, limits, of_parts="any" if rule.any else "all", barred=barred)


def _given(rule: Rule, by_name: Mapping[tuple[str, str], Statistic], task: str) -> bool:
    """Whether what a rule can only be asked with holds on a task, each row by its own 95 % interval."""
    rows = [(part.limits, by_name.get((task, part.statistic))) for part in rule.given]
    return all(row and row.estimate and limits.p_inside(row.estimate) <= LEVEL / 2 for limits, row in rows)


def _undecidable(row: Statistic, part: Primary) -> str | None:
    """Why a statistic decides nothing, whatever it is; None where it may."""
    if row.estimate is None or row.estimate.holds is None:
        return f"{row.label}: {row.why or 'one model'}"
    if row.estimate.replicates < LEAST_REPLICATES:
        return f"{_count(row.estimate.replicates, 'model')}, and a verdict needs {LEAST_REPLICATES}"
    mean = row.estimate.beyond(part.limits.nearest(row.estimate.value))
    if mean.changed is not None and mean.changed < LEAST_CHANGED and not row.stepped:
        return f"{row.label}: only {_count(mean.changed, 'example')} differ from the others"
    return None


def _secondary(rule: Rule, task: str, found: Sequence[Statistic]) -> list[Statistic]:
    decides = {part.statistic for part in rule.primary}
    return [
        one
        for one in found
        if (one.task or ALL_TASKS) == task
        and one.key.text not in decides
        and any(fnmatchcase(one.key.text, pattern) for pattern in rule.secondary)
    ]


def _overall(rule: Rule, verdicts: Sequence[str]) -> str:
    """The verdict over the tasks: `reproduced on 2 of 3, open on 1`."""
    if rule.without_verdict:
        return f"without a verdict: {rule.without_verdict}"
    if not verdicts:
        return f"not tested: needs {rule.needs_tasks}"
    counts = [(verdict, verdicts.count(verdict)) for verdict in VERDICTS if verdict in verdicts]
    named = [f"{_in_words(verdict, objection=rule.objection)} on {count}" for verdict, count in counts]
    return f"{named[0]} of {len(verdicts)}" + "".join(f", {one}" for one in named[1:])


def _in_words(verdict: str, *, objection: bool) -> str:
    return WORDS.get(verdict, verdict) if objection else verdict


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
