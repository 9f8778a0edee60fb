import numpy as np
import pytest

from pipeline.analysis.prune import Order, curve_rows, summary

RATES = (0.0, 0.5, 1.0)


def order(method, normalise="none", number=0):
    return Order(method, normalise, number)


def summarised(orders, correct, labels, *, margin=1.0):
    return summary(orders, correct, labels=labels, rates=RATES, margin=margin, draws=2000, seed=0)


def by_ranking(found, name):
    return {(row["method"], row["normalise"]): row[name] for row in found["rankings"]}


def leads_of(found):
    """By attribution's normalisation, the other method and its normalisation."""
    return {(row["normalise"], row["over"], row["over_normalise"]): row for row in found["leads"]}


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
    found = summarised(ORDERS, CORRECT, LABELS)
    assert (found["n"], found["majority"], found["baseline_accuracy"]) == (10, 0.7, 0.9)
    # Trapezoids of (0.9, 0.9, 0.5) and (0.9, 0.5, 0.5) over (0, 0.5, 1).
    auc, leads = by_ranking(found, "auc"), leads_of(found)
    assert auc["attribution", "none"]["value"] == pytest.approx(80)
    assert auc["taylor", "none"]["value"] == pytest.approx(60)
    assert leads["none", "taylor", "none"]["value"] == pytest.approx(20)
    # Random orders: (0.9, 0.2, 0.5) and (0.9, 0.5, 0.5).
    assert found["random"]["auc_mean"] == pytest.approx((45 + 60) / 2)
    assert found["random"]["orders"] == 2
    assert 45 <= found["random"]["auc_low"] < found["random"]["auc_high"] <= 60
    assert leads["none", "random", "none"]["value"] == pytest.approx(80 - 52.5)
    assert len(leads) == 2
    assert by_ranking(found, "r_star") == {("attribution", "none"): 0.5, ("taylor", "none"): 0.0}
    # 0.9 over ten examples is not three standard errors above the majority class.
    assert by_ranking(found, "nauc") == {("attribution", "none"): None, ("taylor", "none"): None}


def test_normalised_auc_where_the_model_is_clearly_better_than_the_majority():
    many = np.repeat(CORRECT, 40, axis=2)
    found = summarised(ORDERS, many, LABELS * 40)
    nauc = by_ranking(found, "nauc")
    assert nauc["attribution", "none"] == pytest.approx((0.8 - 0.7) / (0.9 - 0.7))
    assert nauc["taylor", "none"] == pytest.approx((0.6 - 0.7) / (0.9 - 0.7))


def test_verdicts_follow_from_the_paired_interval():
    same = np.stack([CORRECT[0], CORRECT[0]])
    orders = [order("attribution"), order("taylor")]
    found = summarised(orders, same, LABELS)
    key = ("none", "taylor", "none")
    named = dict(zip(("normalise", "over", "over_normalise"), key, strict=True))
    assert found["leads"] == [{**named, "value": 0, "low": 0, "high": 0, "verdict": "equivalent"}]
    assert found["random"] is None
    many = np.repeat(CORRECT[:2], 40, axis=2)
    better = leads_of(summarised(orders, many, LABELS * 40))
    assert better[key]["verdict"] == "better"
    worse = leads_of(summarised(orders, many[::-1], LABELS * 40))
    assert worse[key]["verdict"] == "worse"
    assert leads_of(summarised(orders, many, LABELS * 40, margin=50.0))[key]["verdict"] == "equivalent"


def test_rankings_are_compared_with_attribution_of_the_same_normalisation():
    orders = [order("attribution"), order("attribution", "layer_l2"), order("taylor"), order("taylor", "layer_l2")]
    leads = leads_of(summarised(orders, CORRECT, LABELS))
    assert set(leads) == {("none", "taylor", "none"), ("layer_l2", "taylor", "layer_l2")}
    assert leads["none", "taylor", "none"]["value"] == pytest.approx(80 - 45)
    assert leads["layer_l2", "taylor", "layer_l2"]["value"] == pytest.approx(60 - 60)


def test_without_attribution_there_is_nothing_to_compare():
    assert summarised([order("taylor")], CORRECT[:1], LABELS)["leads"] == []
