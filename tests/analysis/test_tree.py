"""The tree's statistics on values worked out by hand."""

from typing import Any

import pytest

from pipeline.analysis.tree import BASELINES, Draws, curve_rows, summary

DRAWS = Draws(300, 0)


def row(example: str, arm: str, only: float, without: float, **facts: Any) -> dict[str, Any]:
    known = {"tau": 0.4, "open": False, "edges": 2, "missing": 0, "objective": None, "proven": None, "full": 0.9}
    return {"example_id": example, "arm": arm, "only": only, "without": without} | known | facts


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    made = []
    for number, example in enumerate(("a", "b")):
        made += [
            row(example, "tree", 0.5 + 0.1 * number, 0.3, objective=1.0 + number, tau=tau) for tau in (0.0, 0.4, 0.5)
        ]
        made += [row(example, name, 0.4, 0.6, objective=2.0, proven=True, missing=number) for name in BASELINES]
        made += [row(example, name, 0.7, 0.6, open=True) for name in ("tree", *BASELINES)]
        made += [row(example, "random", 0.2 + 0.1 * tree, 0.8, missing=1) for tree in range(3)]
        made.append(row(example, "nothing", 0.1, 0.9, edges=0))
    return made


def test_values_and_differences(rows: list[dict[str, Any]]):
    found = summary(rows, DRAWS, tau=0.4)
    assert (found["n"], found["tau"]) == (2, 0.4)
    assert found["sufficiency"]["value"] == pytest.approx(0.9 - 0.55)
    assert found["comprehensiveness"]["value"] == pytest.approx(0.6)
    assert found["faithfulness"]["value"] == pytest.approx(0.25)
    assert [(one["arm"], one["label"]) for one in found["baselines"]] == list(BASELINES.items())
    attention = found["baselines"][0]
    assert attention["difference"]["value"] == pytest.approx(0.25 - (0.4 - 0.6))
    assert attention["missing"] == 0.5
    assert attention["open"]["sufficiency"]["value"] == pytest.approx(0.2)
    assert found["random"]["trees"] == 3
    assert found["random"]["difference"]["value"] == pytest.approx(0.25 - (0.3 - 0.8))
    assert found["random"]["missing"] == 1
    # Random sufficiencies are 0.7, 0.6, 0.5 in each example: mean 0.6, standard deviation 0.0816.
    assert found["random"]["z"]["sufficiency"]["median"] == pytest.approx((0.35 - 0.6) / 0.081650, rel=1e-4)
    assert "comprehensiveness" not in found["random"]["z"]
    assert found["reviewed"]["value"] == pytest.approx(0)
    assert found["without_any_edge"] == pytest.approx(0.8)
    assert found["open"]["sufficiency"]["value"] == pytest.approx(0.2)


def test_the_heuristics_share_of_the_optimum(rows: list[dict[str, Any]]):
    found = summary(rows, DRAWS, tau=0.4)["optimum"]
    assert found == {"ratio": 0.75, "worst_ratio": 0.5, "reached": 0.5, "proven": 2, "n": 2}


def test_a_threshold_is_a_row(rows: list[dict[str, Any]]):
    curves = curve_rows(rows, DRAWS)
    assert [curve["tau"] for curve in curves] == [0, 0.4, 0.5]
    assert curves[0]["sufficiency_low"] <= curves[0]["sufficiency"] <= curves[0]["sufficiency_high"]
    assert {curve["n"] for curve in curves} == {2}


def test_without_the_reviewed_thresholds_there_is_no_difference(rows: list[dict[str, Any]]):
    kept = [entry for entry in rows if entry["tau"] != 0.5]
    assert "reviewed" not in summary(kept, DRAWS, tau=0.4)
