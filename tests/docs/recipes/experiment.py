"""Run with docs/extending/experiment.diff applied: from stored scores to the page, with numbers known by hand."""

import importlib
from pathlib import Path

import pytest

from pipeline.analysis.experiments import ANALYSES
from pipeline.analysis.outcomes import Outcomes
from pipeline.reporting.blocks import Table
from pipeline.reporting.plain import plain_section
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration
from pipeline.values.presets import compose_params
from pipeline.values.store import read_rows, write_rows

concentration = importlib.import_module("pipeline.concentration")  # is there once the diff is applied

ROOT = Path(__file__).resolve().parents[3]
SCORES = {1: [[4.0, 1.0, 2.0, 1.0], [1.0, 1.0, 1.0, 1.0]], 2: [[0.0, 0.0, 5.0, 0.0], [3.0, 1.0, 0.0, 0.0]]}
SHARES = {1: [6 / 8, 2 / 4], 2: [1.0, 1.0]}  # of the two strongest heads


@pytest.fixture
def params(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = compose_params(["preset=mini", "tasks=[negation]", "seeds=[1,2]", "concentration.heads=2"])
    declared = read_declaration("concentration", ROOT / "dvc.yaml").sections
    for seed, scores in SCORES.items():
        rows = [
            {"split": split, "target": target, "example_id": f"dev-{n}", "attribution_absolute": values}
            for split, target in (("dev", "predicted"), ("dev", "gold"), ("mine", "predicted"))
            for n, values in enumerate(scores if (split, target) == ("dev", "predicted") else [[9.0, 0.0]])
        ]
        write_rows(Path(f"outputs/attributions/negation-{seed}/heads.parquet"), rows)
        concentration.main(StageConfig(params, stage="concentration", declared=declared, task="negation", seed=seed))
    return params


def test_recipe_every_example_has_its_share(params):
    for seed, shares in SHARES.items():
        rows = read_rows(Path(f"outputs/concentration/negation-{seed}/outcomes.parquet"))
        assert rows == [{"example_id": f"dev-{n}", "share": share} for n, share in enumerate(shares)]


def test_recipe_the_page_shows_its_mean(params):
    found = ANALYSES["concentration"](Outcomes(Path(), ["negation"], [1, 2]), params)
    assert [record["share"] for record in found.records] == [0.625, 1.0]
    (statistic,) = found.statistics
    assert statistic.estimate.value == pytest.approx((0.625 + 1) / 2)

    class Context:
        statistics = {"concentration": [statistic.record()]}  # noqa: RUF012

    section = plain_section("concentration")(Context())
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert section.heading == "Concentration"
    assert [row["statistic"] for row in table.rows] == ["attribution that the strongest heads hold"]
