"""The tree's statistics on values worked out by hand."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.analysis.tree import RIVALS, curve_rows, summary


def row(example: str, arm: str, only: float, without: float, **facts: Any) -> dict[str, Any]:
    known = {"edges": 2, "missing": 0, "objective": None, "proven": None, "full": 0.9}
    return {"example_id": example, "arm": arm, "only": only, "without": without} | known | facts


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    made = []
    for number, example in enumerate(("a", "b")):
        made += [
            row(example, f"tau={tau}", 0.5 + 0.1 * number, 0.3, objective=1.0 + number) for tau in ("0", "0.4", "0.5")
        ]
        made += [row(example, name, 0.4, 0.6, objective=2.0, proven=True, missing=number) for name in RIVALS]
        made += [row(example, f"{name}/open", 0.7, 0.6) for name in ("tau=0.4", *RIVALS)]
        made += [row(example, "random", 0.2 + 0.1 * tree, 0.8, missing=1) for tree in range(3)]
        made.append(row(example, "nothing", 0.1, 0.9, edges=0))
    return made


def test_values_and_differences(rows: list[dict[str, Any]], section: Callable[..., Any]):
    found = summary(rows, settings=section("tree", tau_grid=[0.0, 0.5], random_trees=3))
    assert found["n"] == 2
    assert found["sufficiency"]["value"] == pytest.approx(0.9 - 0.55)
    assert found["comprehensiveness"]["value"] == pytest.approx(0.6)
    assert found["faithfulness"]["value"] == pytest.approx(0.25)
    assert found["baselines"]["attention"]["difference"]["value"] == pytest.approx(0.25 - (0.4 - 0.6))
    assert found["baselines"]["attention"]["missing"] == 0.5
    assert found["random"]["difference"]["value"] == pytest.approx(0.25 - (0.3 - 0.8))
    assert found["random"]["missing"] == 1
    # Random sufficiencies are 0.7, 0.6, 0.5 in each example: mean 0.6, standard deviation 0.0816.
    assert found["random"]["z"]["sufficiency"]["median"] == pytest.approx((0.35 - 0.6) / 0.081650, rel=1e-4)
    assert "comprehensiveness" not in found["random"]["z"]
    assert found["reviewed"]["value"] == pytest.approx(0)
    assert found["without_any_edge"] == pytest.approx(0.8)
    assert found["open"]["sufficiency"]["value"] == pytest.approx(0.2)


def test_the_heuristics_share_of_the_optimum(rows: list[dict[str, Any]], section: Callable[..., Any]):
    found = summary(rows, settings=section("tree", tau_grid=[0.0], random_trees=3))["optimum"]
    assert found == {"ratio": 0.75, "worst_ratio": 0.5, "reached": 0.5, "proven": 2, "n": 2}


def test_a_threshold_is_a_row(rows: list[dict[str, Any]], section: Callable[..., Any]):
    curves = curve_rows(rows, settings=section("tree", tau_grid=[0.0, 0.5]), task="rte", seed=3)
    assert [curve["tau"] for curve in curves] == [0, 0.4, 0.5]
    assert curves[0]["sufficiency_low"] <= curves[0]["sufficiency"] <= curves[0]["sufficiency_high"]
    assert {(curve["task"], curve["seed"], curve["n"]) for curve in curves} == {("rte", 3, 2)}


def test_without_the_reviewed_thresholds_there_is_no_difference(
    rows: list[dict[str, Any]], section: Callable[..., Any]
):
    kept = [entry for entry in rows if entry["arm"] != "tau=0.5"]
    assert "reviewed" not in summary(kept, settings=section("tree", tau_grid=[0.0], random_trees=3))
