"""The rows of the tables of claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.reporting.statistics import statistic_rows, value_cell
from pipeline.reporting.style import task_name
from pipeline.reporting.table_text import cell_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.reporting.cells import Metrics
    from pipeline.reporting.results import Results
    from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """One line per claim, and one per primary row."""
    claims = results.records("claims")
    return {"claims": claim_rows(claims), "primary": [row for claim in claims for row in primary_rows(claim)]}


def claim_rows(claims: Sequence[Metrics], kept: Mapping[str, str] | None = None) -> list[Row]:
    """One row per claim: what it says, the verdict over its tasks, and its primary values on each task.

    `kept` has by claim the verdict of a kept run, to stand beside.
    """
    tasks = list(dict.fromkeys(one["task"] for claim in claims for one in claim["tasks"]))
    rows: list[Row] = []
    for claim in claims:
        values = {one["task"]: _values(one, either=claim["any"]) for one in claim["tasks"]}
        known = {"claim": claim["id"], "statement": claim["claim"], "verdict": claim["verdict"]}
        beside: Row = {"kept": kept.get(claim["id"])} if kept else {}
        rows.append({**known, **beside, **{task_name(task): values.get(task) for task in tasks}})
    return rows


def primary_rows(claim: Metrics) -> list[Row]:
    """One row per task and primary statistic of a claim: its value, the rule, the task's verdict."""
    rows = []
    for one in claim["tasks"]:
        for statistic, row in zip(one["primary"], statistic_rows(one["primary"]), strict=True):
            verdict = {"p": one["p"], "verdict": one["verdict"], "because": one["why"]}
            known = {"seen": ", ".join(map(str, one["seen"])) or None}
            rows.append({"claim": claim["id"], **row, "needs": statistic["needs"], **verdict, **known})
    return rows


def secondary_rows(claim: Metrics) -> list[Row]:
    """One row per task and secondary statistic: no verdict comes from it."""
    return [row for one in claim["tasks"] for row in statistic_rows(one["secondary"])]


def _values(one: Metrics, *, either: bool) -> str:
    """`3.1 [1.0, 5.2] points`; of several rows of which one is enough the largest."""
    rows = [row for row in one["primary"] if row["value"] is not None] or one["primary"]
    if either:
        rows = [max(rows, key=lambda row: row["value"] or 0.0)]
    fine = {"share", "correlation"}
    texts = [cell_text("recovered" if row["unit"] in fine else "points", value_cell(row)) for row in rows]
    units = [row["unit"] for row in rows]
    # A unit that is the next row's, too, is said there.
    said = [
        f"{text} {unit}".strip() if unit != following else text
        for text, unit, following in zip(texts, units, [*units[1:], None], strict=True)
    ]
    return " and ".join(said) + (f", best of {len(one['primary'])}" if either else "")
