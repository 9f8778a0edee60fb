"""What is kept of a run, and that nothing is changed where something is refused."""

import shutil
from pathlib import Path

import pytest

from pipeline.commands.keep_results import main
from pipeline.kept import pool
from pipeline.kept.records import Item
from pipeline.values.paths import SOURCE

KEPT = [
    "outputs/data/{task}-1/prepare.json",
    "outputs/predictions/{task}-1.parquet",
    "outputs/attributions/{task}-1/outcomes.parquet",
    *(
        f"outputs/{stage}/{{task}}-1/outcomes.parquet"
        for stage in ("effectiveness", "prune", "universality", "tree", "triggers", "convergence", "truth", "shortcut")
    ),
    "outputs/prune/{task}-1/importance.csv",
    "outputs/tree/{task}-1/edges.parquet",
    "outputs/tree/{task}-1/trees.json",
    "outputs/examples/{task}-1/trees.json",
    "outputs/triggers/{task}-1/triggers.parquet",
    "outputs/triggers/{task}-1/mined.json",
    "outputs/shortcut/{task}-1/word.json",
    "outputs/planted_paths/1/outcomes.parquet",
]
LEFT = [
    "outputs/data/{task}-1/dev.parquet",
    "outputs/data/{task}-2/prepare.json",
    "outputs/triggers/{task}-2/outcomes.parquet",
    "outputs/attributions/{task}-1/heads.parquet",
    "outputs/attributions/{task}-1/full.safetensors",
    "outputs/models/{task}-1/model.safetensors",
    "outputs/view/{task}-1/views.json",
    "metrics/{task}.json",
    "outputs/analysis/claims/records.json",
    "outputs/report/index.html",
]
TASKS = ("negation", "inference")


@pytest.fixture
def finished(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a run of two tasks leaves, every file with its own name in it; stages over all leave theirs."""
    shutil.copy(SOURCE / "dvc.yaml", workspace)
    for name in {pattern.format(task=task) for pattern in KEPT + LEFT for task in TASKS}:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    for stage in Item("negation", 1).stages + Item(None, 1).stages:
        Path("outputs/source").mkdir(exist_ok=True)
        Path(f"outputs/source/{stage}.txt").write_text(stage)

    def run_stage(stage: str) -> None:
        for name in pool.MADE:
            Path(name).mkdir(parents=True, exist_ok=True)
            (Path(name) / stage).write_text("made anew")

    monkeypatch.setattr(pool, "run_stage", run_stage)
    return workspace


def kept(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_small_results_of_the_run_are_copied_and_the_rest_is_made_anew(finished: Path, exit_code) -> None:
    assert exit_code(main, ["results/mine"]) == 0
    expected = {name: name for pattern in KEPT for task in TASKS for name in [pattern.format(task=task)]}
    expected |= {f"{folder}/{stage}": "made anew" for folder in pool.MADE for stage in pool.STAGES}
    found = kept(finished / "results/mine")
    records = {f"outputs/replicates/{name}.json" for name in ("negation-1", "inference-1", "1")}
    assert {name: text for name, text in found.items() if name not in records} == expected | {
        "params.yaml": Path("params.yaml").read_text()
    }
    assert records <= {*found}
    assert [path.name for path in Path("results").iterdir()] == ["mine"]


@pytest.mark.parametrize("missing", ["outputs/data/inference-1/prepare.json", "outputs/predictions/negation-1.parquet"])
def test_a_run_that_is_not_finished_is_one_line_and_2(
    finished: Path, capfd: pytest.CaptureFixture[str], missing: str, exit_code
) -> None:
    Path(missing).unlink()
    assert exit_code(main, ["results/mine"]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"error: there is no {Path(missing).parent}/")
    assert "dvc repro" in said
    assert said.count("\n") == 1
    assert not Path("results").exists()


def test_other_values_are_one_line_and_2_and_change_nothing(
    finished: Path, capfd: pytest.CaptureFixture[str], exit_code
) -> None:
    assert exit_code(main, ["results/mine"]) == 0
    before = kept(finished / "results/mine")
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("  tau: 0.4", "  tau: 0.5"))
    assert exit_code(main, ["results/mine"]) == 2
    assert "tree.tau of negation-1 is 0.5" in (said := capfd.readouterr().err)
    assert said.count("\n") == 1
    assert kept(finished / "results/mine") == before
    # The same once more adds nothing.
    Path("params.yaml").write_text(params)
    assert exit_code(main, ["results/mine"]) == 0
    assert kept(finished / "results/mine") == before


def test_no_other_folder_is_touched(finished: Path, capfd: pytest.CaptureFixture[str], exit_code) -> None:
    Path("precious").mkdir()
    Path("precious/file").touch()
    assert exit_code(main, ["precious"]) == 2
    assert "holds no results" in capfd.readouterr().err
    assert [path.name for path in Path("precious").iterdir()] == ["file"]
