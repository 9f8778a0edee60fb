"""The stage `receptive_field`, on hand-made edges."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.receptive_field import main
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params
from pipeline.values.store import read_json, write_rows

ROOT = Path(__file__).resolve().parents[1]


def edge(example, layer, query, key, **facts):
    row = {"example_id": example, "query": query, "key": key, "layer": layer, "value": 0.5}
    return row | dict.fromkeys(("terminal", "special", "cross"), False) | {"pair": True} | facts


EDGES = [
    edge("dev-0", 1, 2, 6, cross=True),
    edge("dev-0", 0, 6, 5),
    edge("dev-0", 3, 0, 2, terminal=True, special=True),
    edge("dev-1", 1, 3, 1),
    edge("dev-1", 0, 3, 0, special=True),
    edge("dev-1", 3, 0, 3, terminal=True, special=True),
]


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = compose_params(["preset=mini", "run.tracking.mode=disabled"])
    declared = frozenset({"receptive_field"})
    return StageConfig(
        params, stage="receptive_field", declared=declared, task="inference", seed=1, output_root=Path("out")
    )


def test_the_stage_by_hand(config):
    write_rows(Path("outputs/tree/inference-1/edges.parquet"), EDGES)
    main(config)
    metrics = read_json(Path("out/metrics/receptive_field/inference-1.json"))
    assert (metrics["task"], metrics["seed"], metrics["n"], metrics["layers"]) == ("inference", 1, 2, 3)
    # Without special tokens: distances 4 and 2 in layer 1, 1 in layer 0.
    assert metrics["edges"] == 3
    assert metrics["distance"]["value"] == pytest.approx(7 / 3)
    assert metrics["slope"]["value"] == pytest.approx(2)
    assert metrics["within"]["value"] == pytest.approx(2 / 3)
    assert metrics["with_special"]["edges"] == 4
    assert metrics["with_special"]["slope"]["value"] == pytest.approx(3 - 2)
    rows = pd.read_csv("out/outputs/receptive_field/inference-1/distances.csv")
    assert rows["edges"].tolist() == [1, 2, 0, 2, 2, 0]
    assert rows["mean"].isna().tolist() == [False, False, True] * 2


def test_missing_trees_are_named_with_the_stage_that_makes_them(config):
    with pytest.raises(InputError, match=r"tree/inference-1/edges.parquet is missing; run: dvc repro tree"):
        main(config)


def test_the_stage_needs_no_torch(config):
    """It would take longer to import than the stage takes to run."""
    write_rows(Path("outputs/tree/inference-1/edges.parquet"), EDGES)
    program = """
import sys
from pathlib import Path
from pipeline.receptive_field import main
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params
params = compose_params(["preset=mini", "run.tracking.mode=disabled"])
main(StageConfig(params, stage="receptive_field", declared=frozenset({"receptive_field"}), task="inference", seed=1))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": str(ROOT)})
    assert Path("metrics/receptive_field/inference-1.json").is_file()
