from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.run.config import StageConfig
from pipeline.run.presets import compose_params
from pipeline.run.results import has_results, read_curves, read_metrics
from pipeline.run.store import write_csv, write_json


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StageConfig:
    """Two tasks and two seeds, in a folder without results."""
    monkeypatch.chdir(tmp_path)
    params = compose_params(["experiment=mini", "seeds=[1,2]"])
    return StageConfig(params, stage="tables", declared=frozenset({"tasks", "seeds"}))


RUNS = [("negation", 1), ("negation", 2), ("inference", 1), ("inference", 2)]


def curves(task: str, seed: int) -> list[dict[str, Any]]:
    return [{"task": task, "seed": seed, "rule": rule} for rule in ("left", "None")]


def test_a_stage_without_a_folder_has_no_results(config: StageConfig) -> None:
    assert not has_results(config, "convergence")
    # Neither another stage's results nor those of another task or seed are its own.
    for name in ("prune/negation-1", "convergence/rte-1", "convergence/negation-3"):
        Path("outputs", name).mkdir(parents=True)
    assert not has_results(config, "convergence")
    assert has_results(config, "prune")


@pytest.mark.parametrize(("task", "seed"), RUNS)
def test_one_models_folder_is_a_result(config: StageConfig, task: str, seed: int) -> None:
    Path("outputs/convergence").mkdir(parents=True)
    assert not has_results(config, "convergence")
    Path(f"outputs/convergence/{task}-{seed}").mkdir()
    assert has_results(config, "convergence")


def test_a_file_is_no_folder_of_results(config: StageConfig) -> None:
    Path("outputs/convergence").mkdir(parents=True)
    Path("outputs/convergence/negation-1").touch()
    assert not has_results(config, "convergence")


def test_results_are_read_by_task_and_seed(config: StageConfig) -> None:
    for task, seed in reversed(RUNS):
        write_json(Path(f"metrics/convergence/{task}-{seed}.json"), {"task": task, "seed": seed})
        write_csv(Path(f"outputs/convergence/{task}-{seed}/curves.csv"), curves(task, seed))
        write_csv(Path(f"outputs/convergence/{task}-{seed}/other.csv"), curves(task, seed)[:1])
    assert [(found["task"], found["seed"]) for found in read_metrics(config, "convergence")] == RUNS
    found = read_curves(config, "convergence")
    # A name that pandas would take for a missing value stays text.
    assert found.to_dict("records") == [row for run in RUNS for row in curves(*run)]
    assert len(read_curves(config, "convergence", name="other")) == 4


def test_a_missing_metrics_file_is_named_with_the_stage_that_makes_it(config: StageConfig) -> None:
    with pytest.raises(InputError, match=r"metrics/convergence/negation-1.json is missing; run: dvc repro convergence"):
        read_metrics(config, "convergence")
