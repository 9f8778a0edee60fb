from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.analysis.prune import curve_rows, summary

RATES = (0.0, 0.5, 1.0)


def order(method, normalise="none", number=0):
    return SimpleNamespace(method=method, normalise=normalise, order=number)


def settings(**changes):
    values = {"rates": RATES, "bootstrap_draws": 2000, "equivalence_margin": 1.0, "seed": 0}
    return SimpleNamespace(**{**values, **changes})


def hits(*rows):
    return np.array([[character == "1" for character in row] for row in rows])


FULL, HALF, NONE = "1111111110", "1111100000", "1100000000"
ORDERS = [order("attribution"), order("taylor"), order("random", number=0), order("random", number=1)]
CORRECT = np.stack([hits(FULL, FULL, HALF), hits(FULL, HALF, HALF), hits(FULL, NONE, HALF), hits(FULL, HALF, HALF)])
LABELS = [0] * 7 + [1] * 3


def test_rows_by_hand():
    rows = curve_rows(ORDERS, CORRECT, counts=[0, 4, 8], rates=RATES, task="rte", seed=2)
    assert [(r["method"], r["order"], r["rate"], r["n_masked"], r["correct"]) for r in rows[3:9]] == [
        ("taylor", 0, 0.0, 0, 9),
        ("taylor", 0, 0.5, 4, 5),
        ("taylor", 0, 1.0, 8, 5),
        ("random", 0, 0.0, 0, 9),
        ("random", 0, 0.5, 4, 2),
        ("random", 0, 1.0, 8, 5),
    ]
    assert all(r["accuracy"] == r["correct"] / 10 and r["low"] < r["accuracy"] < r["high"] for r in rows)


def test_summary_by_hand():
    found = summary(ORDERS, CORRECT, labels=LABELS, settings=settings())
    assert (found["n"], found["majority"], found["baseline_accuracy"]) == (10, 0.7, 0.9)
    # Trapezoids of (0.9, 0.9, 0.5) and (0.9, 0.5, 0.5) over (0, 0.5, 1).
    assert found["auc"]["attribution/none"]["value"] == pytest.approx(80)
    assert found["auc"]["taylor/none"]["value"] == pytest.approx(60)
    assert found["delta_auc"]["attribution/none - taylor/none"]["value"] == pytest.approx(20)
    # Random orders: (0.9, 0.2, 0.5) and (0.9, 0.5, 0.5).
    assert found["random"]["auc_mean"] == pytest.approx((45 + 60) / 2)
    assert found["random"]["orders"] == 2
    assert 45 <= found["random"]["auc_low"] < found["random"]["auc_high"] <= 60
    assert found["delta_auc"]["attribution/none - random/none"]["value"] == pytest.approx(80 - 52.5)
    assert set(found["auc"]) == set(found["nauc"]) == set(found["r_star"]) == {"attribution/none", "taylor/none"}
    assert (found["r_star"]["attribution/none"], found["r_star"]["taylor/none"]) == (0.5, 0.0)
    # 0.9 over ten examples is not three standard errors above the majority class.
    assert found["nauc"] == {"attribution/none": None, "taylor/none": None}


def test_normalised_auc_where_the_model_is_clearly_better_than_the_majority():
    many = np.repeat(CORRECT, 40, axis=2)
    found = summary(ORDERS, many, labels=LABELS * 40, settings=settings())
    assert found["nauc"]["attribution/none"] == pytest.approx((0.8 - 0.7) / (0.9 - 0.7))
    assert found["nauc"]["taylor/none"] == pytest.approx((0.6 - 0.7) / (0.9 - 0.7))


def test_verdicts_follow_from_the_paired_interval():
    same = np.stack([CORRECT[0], CORRECT[0]])
    orders = [order("attribution"), order("taylor")]
    found = summary(orders, same, labels=LABELS, settings=settings())
    difference = found["delta_auc"]["attribution/none - taylor/none"]
    assert difference == {"value": 0, "low": 0, "high": 0, "verdict": "equivalent"}
    assert found["random"] is None
    many = np.repeat(CORRECT[:2], 40, axis=2)
    better = summary(orders, many, labels=LABELS * 40, settings=settings())["delta_auc"]
    assert better["attribution/none - taylor/none"]["verdict"] == "better"
    worse = summary(orders, many[::-1], labels=LABELS * 40, settings=settings())["delta_auc"]
    assert worse["attribution/none - taylor/none"]["verdict"] == "worse"


def test_rankings_are_compared_with_attribution_of_the_same_normalisation():
    orders = [order("attribution"), order("attribution", "layer_l2"), order("taylor"), order("taylor", "layer_l2")]
    found = summary(orders, CORRECT, labels=LABELS, settings=settings())
    assert set(found["delta_auc"]) == {"attribution/none - taylor/none", "attribution/layer_l2 - taylor/layer_l2"}
    assert found["delta_auc"]["attribution/none - taylor/none"]["value"] == pytest.approx(80 - 45)
    assert found["delta_auc"]["attribution/layer_l2 - taylor/layer_l2"]["value"] == pytest.approx(60 - 60)


def test_without_attribution_there_is_nothing_to_compare():
    found = summary([order("taylor")], CORRECT[:1], labels=LABELS, settings=settings())
    assert found["delta_auc"] == {}
