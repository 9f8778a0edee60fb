from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline.errors import InputError
from pipeline.reporting.results import Results
from pipeline.values.store import write_csv, write_json

MODELS = [("negation", 1), ("negation", 2), ("inference", 1), ("inference", 2)]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Two tasks and two seeds, in a folder without results."""
    monkeypatch.chdir(tmp_path)
    return Results(Path(), ["negation", "inference"], [1, 2])


def curves(task: str, seed: int) -> list[dict[str, Any]]:
    return [{"task": task, "seed": seed, "rule": rule} for rule in ("left", "None")]


def test_records_and_tables_are_those_of_all_models(results: Results) -> None:
    folder = Path("outputs/analysis/convergence")
    records = [{"task": task, "seed": seed, "n": 5} for task, seed in MODELS]
    write_json(folder / "records.json", {"records": records})
    write_csv(folder / "curves.csv", [row for model in MODELS for row in curves(*model)])
    write_csv(folder / "other.csv", [row for model in MODELS for row in curves(*model)[:1]])
    assert results.records("convergence") == records
    # A name that pandas would take for a missing value stays text.
    assert results.table("convergence", "curves").to_dict("records") == [row for m in MODELS for row in curves(*m)]
    assert len(results.table("convergence", "other")) == 4


def test_a_table_of_nothing_is_empty(results: Results) -> None:
    write_csv(Path("outputs/analysis/attribute/unconverged.csv"), [])
    assert results.table("attribute", "unconverged").empty


def test_a_missing_file_is_named_with_the_stage_that_makes_it(results: Results) -> None:
    with pytest.raises(InputError) as refused:
        results.records("convergence")
    assert str(refused.value) == "outputs/analysis/convergence/records.json is missing; run: dvc repro analyse"
    with pytest.raises(InputError) as refused:
        results.table("tree", "curves")
    assert str(refused.value) == "outputs/analysis/tree/curves.csv is missing; run: dvc repro analyse"


def test_trees_and_heat_maps_are_those_of_the_first_seed(results: Results) -> None:
    with pytest.raises(InputError, match="run: dvc repro examples"):
        results.trees("negation")
    write_json(Path("outputs/examples/negation-1/trees.json"), {"trees": [{"example_id": "dev-0"}]})
    assert results.trees("negation") == [{"example_id": "dev-0"}]
    # Committed results have no whole maps.
    assert results.head_maps("negation", "dev-0", layer=0, head=0) is None
    maps = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)
    folder = Path("outputs/attributions/negation-1")
    folder.mkdir(parents=True)
    save_file({"dev-0.predicted.attention": maps, "dev-0.predicted.attribution": -maps}, folder / "full.safetensors")
    found = results.head_maps("negation", "dev-0", layer=1, head=2)
    assert found is not None
    np.testing.assert_array_equal(found[0], maps[1, 2])
    np.testing.assert_array_equal(found[1], -maps[1, 2])
    for place, name in (({"layer": 2, "head": 0}, "layer"), ({"layer": 0, "head": 3}, "head")):
        with pytest.raises(InputError, match=f"figures.heatmap_{name} is"):
            results.head_maps("negation", "dev-0", **place)
