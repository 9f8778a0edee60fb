"""The report's abstract: what was run, what holds, what does not, what is open, in sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.reporting.claims.words import joined
from pipeline.reporting.style import task_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.reporting.cells import Metrics

FOR, AGAINST = {"reproduced", "upheld"}, {"not reproduced", "not upheld"}
MISSING = re.compile(r"too few (models|examples)")


def abstract(claims: Sequence[Metrics]) -> list[str]:
    """A paragraph each for the claims that hold, that do not, that hold on some tasks alone, and that are open."""
    told = [one for one in claims if one["tasks"]]
    holds = [one for one in told if _decided(one, FOR) and not _decided(one, AGAINST)]
    fails = [one for one in told if _decided(one, AGAINST) and not _decided(one, FOR)]
    mixed = [one for one in told if _decided(one, AGAINST) and _decided(one, FOR)]
    undecided = [one for one in told if not _decided(one, FOR | AGAINST)]
    rest = [one for one in claims if not one["tasks"]]
    paragraphs = [
        _listed("What holds", holds, FOR),
        _listed("What does not hold", fails, AGAINST),
        _listed("What holds on some tasks and not on others", mixed, FOR),
        _open(undecided),
        "; ".join(f"{one['id']} is {one['verdict']}" for one in rest) + "." if rest else "",
    ]
    return [one for one in paragraphs if one] or ["Nothing was asked."]


def _decided(claim: Metrics, words: set[str]) -> list[str]:
    """The tasks on which it has one of these verdicts."""
    return [one["task"] for one in claim["tasks"] if one["verdict"] in words]


def _listed(title: str, claims: Sequence[Metrics], words: set[str]) -> str:
    parts = []
    for claim in claims:
        tasks = _decided(claim, words)
        where = "" if len(tasks) == len(claim["tasks"]) else f", on {joined(map(task_name, tasks))}"
        kind = ", an objection" if claim["objection"] else ""
        parts.append(f"{claim['claim']} ({claim['id']}{kind}{where})")
    return f"{title}: {'; '.join(parts)}." if parts else ""


def _open(claims: Sequence[Metrics]) -> str:
    """Which are open, and what most of them lack."""
    if not claims:
        return ""
    lacks = [
        found[1]
        for claim in claims
        for one in claim["tasks"]
        if (found := MISSING.search(one["why"] or "")) is not None
    ]
    most = max(("models", "examples"), key=lacks.count)
    named = [f"{one['claim']} ({one['id']}{', an objection' if one['objection'] else ''})" for one in claims]
    text = f"What is open: {'; '.join(named)}."
    if lacks.count(most) * 2 > sum(len(claim["tasks"]) for claim in claims):
        text += f" What most of them lack is {most}; the rows that decide say how many would do."
    return text
