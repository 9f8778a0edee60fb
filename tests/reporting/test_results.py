from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline.errors import InputError
from pipeline.reporting.results import read_curves, read_head_maps, read_metrics, read_trees
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params
from pipeline.values.store import write_csv, write_json


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StageConfig:
    """Two tasks and two seeds, in a folder without results."""
    monkeypatch.chdir(tmp_path)
    params = compose_params(["preset=mini", "seeds=[1,2]"])
    return StageConfig(params, stage="tables", declared=frozenset({"tasks", "seeds"}))


RUNS = [("negation", 1), ("negation", 2), ("inference", 1), ("inference", 2)]


def curves(task: str, seed: int) -> list[dict[str, Any]]:
    return [{"task": task, "seed": seed, "rule": rule} for rule in ("left", "None")]


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


def test_trees_and_heat_maps_are_those_of_the_first_seed(config: StageConfig) -> None:
    with pytest.raises(InputError, match="run: dvc repro tree"):
        read_trees(config, "negation")
    write_json(Path("outputs/tree/negation-1/trees.json"), {"trees": [{"example_id": "dev-0"}]})
    assert read_trees(config, "negation") == [{"example_id": "dev-0"}]
    # Committed results have no whole maps.
    assert read_head_maps(config, "negation", "dev-0", layer=0, head=0) is None
    maps = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)
    folder = Path("outputs/attributions/negation-1")
    folder.mkdir(parents=True)
    save_file({"dev-0.predicted.attention": maps, "dev-0.predicted.attribution": -maps}, folder / "full.safetensors")
    attention, attribution = read_head_maps(config, "negation", "dev-0", layer=1, head=2)
    np.testing.assert_array_equal(attention, maps[1, 2])
    np.testing.assert_array_equal(attribution, -maps[1, 2])
    for place, name in (({"layer": 2, "head": 0}, "layer"), ({"layer": 0, "head": 3}, "head")):
        with pytest.raises(InputError, match=f"figures.heatmap_{name} is"):
            read_head_maps(config, "negation", "dev-0", **place)
