"""The rows of the tables of claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.reporting.statistics import statistic_rows, value_cell
from pipeline.reporting.style import task_name
from pipeline.reporting.table_text import cell_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.reporting.cells import Metrics
    from pipeline.reporting.results import Results
    from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """One line per claim, and one per primary row."""
    claims = results.records("claims")
    return {"claims": claim_rows(claims), "primary": [row for claim in claims for row in primary_rows(claim)]}


def claim_rows(claims: Sequence[Metrics]) -> list[Row]:
    """One row per claim: what it says, the verdict over its tasks, and its primary values."""
    return [
        {
            "claim": claim["id"],
            "statement": claim["claim"],
            "source": claim["source"],
            "verdict": claim["verdict"],
            "values": "; ".join(_values(one) for one in claim["tasks"]) or None,
        }
        for claim in claims
    ]


def primary_rows(claim: Metrics) -> list[Row]:
    """One row per task and primary statistic of a claim: its value, the rule, the task's verdict."""
    rows = []
    for one in claim["tasks"]:
        for statistic, row in zip(one["primary"], statistic_rows(one["primary"]), strict=True):
            verdict = {"p": one["p"], "verdict": one["verdict"], "because": one["why"]}
            known = {"seen": ", ".join(map(str, one["seen"])) or None}
            rows.append({"claim": claim["id"], **row, "rule": statistic["rule"], **verdict, **known})
    return rows


def secondary_rows(claim: Metrics) -> list[Row]:
    """One row per task and secondary statistic: no verdict comes from it."""
    return [row for one in claim["tasks"] for row in statistic_rows(one["secondary"])]


def _values(one: Metrics) -> str:
    """`SST-2 3.1 [1.0, 5.2] points`."""
    found = [f"{cell_text('primary_value', value_cell(row))} {row['unit']}".strip() for row in one["primary"]]
    return f"{task_name(one['task'])} {' and '.join(found)}"
