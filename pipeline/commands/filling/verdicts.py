"""The table of verdicts in README.md: the claims that readers ask for first, by the runs that answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.commands.filling.runs import RUNS
from pipeline.reporting.claims.words import verdict_words
from pipeline.reporting.results import Results
from pipeline.reporting.style import task_name
from pipeline.reporting.table_text import to_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.reporting.cells import Metrics
    from pipeline.reporting.table_text import Row

CLAIMS = ("P2", "P4a", "P6", "P8a", "P1", "N2")
BESIDE = (("mini",), ("study", "rehearsal"))
"""Of every column the runs in whose order the first that is there is shown."""


def verdicts(results: Path) -> str:
    """One row per claim: what it says, and its verdict in each run; behind the table which runs they are."""
    there = [[run for run in column if (results / run).is_dir()] for column in BESIDE]
    runs = [column[0] for column in there if column]
    claims = {run: Results(results / run, tasks=(), seeds=()).records("claims") for run in runs}
    heads = {run: f"`{run}`: {_tasks(of_run)}" for run, of_run in claims.items()}
    rows: dict[str, Row] = {name: {} for name in CLAIMS}
    for run, of_run in claims.items():
        for one in of_run:
            if one["id"] in rows:
                rows[one["id"]].setdefault("claim", f"{one['claim']} ({one['id']})")
                rows[one["id"]][heads[run]] = verdict_words(one)
    where = [f"`results/{run}`: {RUNS[run]}" for run in runs]
    return f"{to_markdown([*rows.values()])}\n{'; '.join(where)}."


def _tasks(claims: Sequence[Metrics]) -> str:
    """`negation (5 models), inference (5 models)`."""
    found: dict[str, int] = {}
    for claim in claims:
        for one in claim["tasks"]:
            found[one["task"]] = max(found.get(one["task"], 0), *(row["replicates"] or 0 for row in one["primary"]), 0)
    return ", ".join(f"{task_name(task)} ({count} models)" for task, count in found.items())
