"""Rows of statistics with their intervals, for the tables of every experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.analysis.intervals import Interval
from pipeline.reporting.style import task_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.keys import Key, Quantity
    from pipeline.reporting.table_text import Cell, Row

    Record = Mapping[str, Any]


def statistic_rows(statistics: Sequence[Record], *quantities: Quantity) -> list[Row]:
    """One row per statistic of the quantities, all without any; task by task."""
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
        if not quantities or any(quantity.read(one["name"]) for quantity in quantities)
    ]


def value_cell(statistic: Record) -> Cell:
    """Value and interval; the value alone where nothing tells how uncertain it is."""
    if statistic["low"] is None:
        return statistic["value"]
    return Interval(statistic["value"], statistic["low"], statistic["high"])


def by_key(statistics: Sequence[Record], task: str | None, key: Key) -> Record | None:
    """One statistic of a task; None where the run does not have it."""
    return next((one for one in statistics if (one["task"], one["name"]) == (task, key.text)), None)


def in_words(statistics: Sequence[Record], *quantities: Quantity) -> str:
    """The values of some statistics as a sentence, task by task: `SST-2: area, attention 12.3, area, random 0.5`."""
    tasks: dict[str, list[str]] = {}
    for one in statistics:
        if one["value"] is not None and any(quantity.read(one["name"]) for quantity in quantities):
            digits = 1 if one["unit"] == "points" else 2
            tasks.setdefault(one["task"] or "all", []).append(f"{one['label']} {one['value']:z.{digits}f}")
    said = "; ".join(f"{task_name(task)}: {', '.join(values)}" for task, values in tasks.items())
    return said or "none is defined"
