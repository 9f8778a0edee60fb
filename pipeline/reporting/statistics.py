"""Rows of statistics with their intervals, for the tables of every experiment."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pipeline.analysis.intervals import Interval
from pipeline.reporting.style import task_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.reporting.table_text import Cell, Row

    Record = Mapping[str, Any]


def statistic_rows(statistics: Sequence[Record], *patterns: str) -> list[Row]:
    """One row per statistic whose name matches a pattern (as of file names), all without patterns; task by task."""
    return [
        {
            "task": one["task"] or "all",
            "statistic": one["label"],
            "value": value_cell(one),
            "unit": one["unit"],
            "models": one["replicates"],
            "n": one["n"],
            "holds": one["holds"] or one["why"],
        }
        for one in statistics
        if not patterns or any(fnmatchcase(one["name"], pattern) for pattern in patterns)
    ]


def value_cell(statistic: Record) -> Cell:
    """Value and interval; the value alone where nothing tells how uncertain it is."""
    if statistic["low"] is None:
        return statistic["value"]
    return Interval(statistic["value"], statistic["low"], statistic["high"])


def by_name(statistics: Sequence[Record], task: str | None, name: str) -> Record | None:
    """One statistic of a task; None where the run does not have it."""
    return next((one for one in statistics if (one["task"], one["name"]) == (task, name)), None)


def in_words(statistics: Sequence[Record], *patterns: str) -> str:
    """The values of some statistics as a sentence, task by task: `SST-2: area, attention 12.3, area, random 0.5`."""
    tasks: dict[str, list[str]] = {}
    for one in statistics:
        if one["value"] is not None and any(fnmatchcase(one["name"], pattern) for pattern in patterns):
            digits = 1 if one["unit"] == "points" else 2
            tasks.setdefault(one["task"] or "all", []).append(f"{one['label']} {one['value']:z.{digits}f}")
    return "; ".join(f"{task_name(task)}: {', '.join(values)}" for task, values in tasks.items())
