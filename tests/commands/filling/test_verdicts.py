"""The README's table of verdicts: whose it shows, and in which words."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.filling.verdicts import CLAIMS, verdicts
from pipeline.values.store import write_json


def claim(name: str, **by_task: tuple[str, str | None]) -> dict[str, Any]:
    tasks = [
        {"task": task, "verdict": verdict, "why": why, "primary": [{"replicates": 3}, {"replicates": None}]}
        for task, (verdict, why) in by_task.items()
    ]
    return {"id": name, "claim": f"claim {name}", "verdict": "not tested: needs MNLI", "tasks": tasks}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """`results/` with a run of each column."""
    fewer = "points to it; too few models: 5 would do"
    keep(tmp_path, "mini", P2={"negation": ("open", fewer), "inference": ("reproduced", None)})
    keep(tmp_path, "rehearsal", P2={"sst2": ("open", "only 8 examples differ from the others")}, P6={})
    return tmp_path


def keep(folder: Path, run: str, **by_claim: dict[str, tuple[str, str | None]]) -> None:
    records = [claim(name, **by_claim.get(name, {})) for name in (*CLAIMS, "R1")]
    write_json(folder / run / "outputs/analysis/claims/records.json", {"records": records})


def cells(table: str, name: str) -> list[str]:
    (line,) = [one for one in table.splitlines() if f"({name})" in one]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_claim_is_told_task_by_task_where_tasks_differ(results: Path) -> None:
    table = verdicts(results)
    assert cells(table, "P2") == ["claim P2 (P2)", "open, points to it, on negation; reproduced on inference", "open"]
    assert cells(table, "P6") == ["claim P6 (P6)", "not tested: needs MNLI", "not tested: needs MNLI"]
    assert "(R1)" not in table
    assert "`mini`: negation (3 models), inference (3 models)" in table


def test_the_study_takes_the_place_of_the_rehearsal(results: Path) -> None:
    keep(results, "study", P2={"sst2": ("not reproduced", None)})
    table = verdicts(results)
    assert cells(table, "P2")[2] == "not reproduced"
    assert "results/rehearsal" not in table
    assert "results/study" in table


def test_a_run_that_is_not_there_has_no_column(results: Path) -> None:
    (results / "rehearsal").rename(results / "other")
    assert len(cells(verdicts(results), "P2")) == 2
