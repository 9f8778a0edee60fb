from pathlib import Path

import pytest

from pipeline.commands.keep_results import main

KEPT = [
    "outputs/data/{task}/prepare.json",
    "metrics/attribute/{task}-1.json",
    "metrics/convergence/{task}-1.json",
    "outputs/effectiveness/{task}-1/curves.csv",
    "outputs/prune/{task}-1/curves.csv",
    "outputs/convergence/{task}-1/curves.csv",
    "outputs/attributions/{task}-1/completeness.csv",
    "metrics/universality.json",
    "outputs/universality/importance.csv",
    "outputs/tree/{task}-1/curves.csv",
    "outputs/tree/{task}-1/trees.json",
    "outputs/receptive_field/{task}-1/distances.csv",
    "outputs/triggers/{task}-1/triggers.csv",
    "outputs/figures/convergence.svg",
    "outputs/tables/claims.csv",
    "outputs/report/index.html",
]
LEFT = [
    "outputs/tree/{task}-1/edges.parquet",
    "outputs/triggers/{task}-1/triggers.parquet",
    "outputs/convergence/{task}-1/errors.parquet",
    "outputs/convergence/{task}-2/curves.csv",
    "outputs/attributions/{task}-1/heads.parquet",
    "outputs/attributions/{task}-1/full.safetensors",
    "outputs/models/{task}-1/model.safetensors",
    "metrics/convergence/{task}-2.json",
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
        "outputs/convergence/inference-1/curves.csv",
        "outputs/attributions/negation-1/completeness.csv",
        "outputs/report/index.html",
    ],
)
def test_a_run_that_is_not_finished_is_one_line_and_2(
    finished: Path, capfd: pytest.CaptureFixture[str], missing: str, exit_code
) -> None:
    Path(missing).unlink()
    assert exit_code(main, ["results/mine"]) == 2
    said = capfd.readouterr().err
    assert said.startswith(f"error: there is no {Path(missing).parent}/*")
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
