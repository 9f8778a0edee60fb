from pathlib import Path

import pytest

from pipeline.commands.keep_results import main

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
    "metrics/{task}.json",
    "outputs/analysis/claims/records.json",
    "outputs/analysis/tree/curves.csv",
    "outputs/figures/convergence.svg",
    "outputs/tables/claims.csv",
    "outputs/report/index.html",
]
LEFT = [
    "outputs/data/{task}-1/dev.parquet",
    "outputs/data/{task}-2/prepare.json",
    "outputs/triggers/{task}-2/outcomes.parquet",
    "outputs/attributions/{task}-1/heads.parquet",
    "outputs/attributions/{task}-1/full.safetensors",
    "outputs/models/{task}-1/model.safetensors",
]
TASKS = ("negation", "inference")


@pytest.fixture
def finished(workspace: Path) -> Path:
    """What a run of two tasks leaves, every file with its own name in it."""
    for name in {pattern.format(task=task) for pattern in KEPT + LEFT for task in TASKS}:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    return workspace


def kept(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_small_results_of_the_run_are_copied_and_nothing_else(finished: Path, exit_code) -> None:
    assert exit_code(main, ["results/mine"]) == 0
    expected = {name: name for pattern in KEPT for task in TASKS for name in [pattern.format(task=task)]}
    assert kept(finished / "results/mine") == expected | {"params.yaml": Path("params.yaml").read_text()}
    assert [path.name for path in Path("results").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "missing",
    [
        "outputs/data/inference-1/prepare.json",
        "outputs/predictions/negation-1.parquet",
        "outputs/report/index.html",
    ],
)
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


def test_results_are_replaced_but_no_other_folder(finished: Path, capfd: pytest.CaptureFixture[str], exit_code) -> None:
    assert exit_code(main, ["results/mine"]) == 0
    (finished / "results/mine/old.csv").touch()
    assert exit_code(main, ["results/mine"]) == 0
    assert not (finished / "results/mine/old.csv").exists()

    Path("precious").mkdir()
    Path("precious/file").touch()
    assert exit_code(main, ["precious"]) == 2
    assert "holds no results" in capfd.readouterr().err
    assert [path.name for path in Path("precious").iterdir()] == ["file"]
