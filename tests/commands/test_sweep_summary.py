"""From a sweep's folder to its table and figure."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.commands.sweep_summary import main
from pipeline.launch.sweep_jobs import write_record
from pipeline.values.store import write_rows

FOLDER = Path("sweeps/finetune/finetune.lr")
WRITTEN = {"summary.csv", "summary.md", "summary.svg", "summary.png"}


@pytest.fixture
def sweep(workspace: Path) -> Callable[..., None]:
    """`sweep(right answers of four by jobs 0, 1, ...)`: what a sweep of `finetune` leaves.

    None is a failed job, and the last has not started.
    """

    def make(*found: int | None) -> None:
        model = {"task": "negation", "seed": "1"}
        jobs = {f"lr={lr}": {**model, "finetune.lr": str(lr)} for lr in range(len(found) + 1)}
        write_record(FOLDER / "sweep.json", {"call": "c", "jobs": jobs})
        for (name, overrides), right in zip(jobs.items(), found, strict=False):
            record = {"call": "c", "overrides": overrides, "status": "finished", "files": []}
            if right is None:
                record |= {"status": "failed", "error": "no weights", "bad_input": True}
            else:
                rows = [{"example_id": f"dev-{n}", "label": 0, "predicted": int(n >= right)} for n in range(4)]
                write_rows(FOLDER / name / "outputs/predictions/negation-1.parquet", rows)
                shutil.copy("params.yaml", FOLDER / name)
            write_record(FOLDER / name / "job.json", record)

    return make


def test_a_sweep_becomes_one_table_and_one_figure(
    sweep: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    exit_code,
) -> None:
    sweep(2, 1, None)
    monkeypatch.chdir(workspace / "sweeps")
    monkeypatch.setattr("pipeline.values.paths.SOURCE", workspace)
    assert exit_code(main, ["finetune/finetune.lr"]) == 0
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} == {"sweep.json"} | WRITTEN
    assert capfd.readouterr().out == (FOLDER / "summary.md").read_text()
    lines = [line.split("|")[1:4] for line in (FOLDER / "summary.md").read_text().splitlines()[:-2]]
    assert [[cell.strip().split(" ")[0] for cell in line] for line in [lines[0], *lines[2:]]] == [
        ["finetune.lr", "status", "accuracy"],
        ["0", "finished", "0.500"],
        ["1", "finished", "0.250"],
        ["2", "failed", "–"],
        ["3", "unfinished", "–"],
    ]
    with (FOLDER / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["accuracy"] for row in rows] == ["0.5", "0.25", "", ""]
    assert [row["error"] for row in rows] == ["", "", "no weights", ""]
    assert {row["task"] for row in rows} == {"negation"}


def test_without_numbers_there_is_no_figure(
    sweep: Callable[..., None], capfd: pytest.CaptureFixture[str], exit_code
) -> None:
    sweep(2, 1)
    assert exit_code(main, [str(FOLDER)]) == 0
    sweep(None, None)
    assert exit_code(main, [str(FOLDER)]) == 0
    assert capfd.readouterr().out.endswith("no figure: no number of the results varies with an override\n")
    assert {path.name for path in FOLDER.glob("summary.*")} == {"summary.csv", "summary.md"}


def test_a_folder_that_is_no_sweep_is_one_line_and_2(
    sweep: Callable[..., None], capfd: pytest.CaptureFixture[str], exit_code
) -> None:
    sweep(2)
    (FOLDER / "lr=1").mkdir()
    (FOLDER / "lr=1/job.json").write_text("{")
    for folder, line in (
        ("sweeps/none", "sweeps/none is not a folder"),
        ("sweeps/finetune", "sweeps/finetune is not the folder of a sweep; give one of those in it: finetune.lr"),
        ("sweeps/finetune/finetune.lr/lr=0", "sweeps/finetune/finetune.lr/lr=0 is not the folder of a sweep"),
        (str(FOLDER), f"{FOLDER}/lr=1/job.json is damaged: delete its folder and run the sweep again"),
    ):
        assert exit_code(main, [folder]) == 2
        said = capfd.readouterr().err
        assert said.startswith(f"error: {line}")
        assert said.count("\n") == 1
