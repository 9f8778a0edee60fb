from itertools import permutations

import numpy as np
import pytest
from outcomes_by_hand import with_texts
from scipy.stats import binomtest

from pipeline.analysis.effectiveness import curve_rows
from pipeline.analysis.effectiveness import measures as keyed_measures
from pipeline.analysis.statistics import Mean, Ratio, statistics

measures = with_texts(keyed_measures)


def hits(*rows):
    return np.array([[character == "1" for character in row] for row in rows])


# Two methods, three heads per layer, four examples; rows are k = 0..3 heads masked.
CORRECT = {
    ("attribution_predicted", "lowest_first"): hits("1110", "1110", "1110", "0010"),
    ("attribution_predicted", "highest_first"): hits("1110", "1000", "0000", "0010"),
    ("attention_max", "lowest_first"): hits("1110", "1100", "1000", "0010"),
    ("attention_max", "highest_first"): hits("1110", "1100", "0100", "0010"),
}


def test_rows_by_hand():
    rows = curve_rows(CORRECT, task="rte", seed=2)
    assert len(rows) == 4 * 4
    counts = {(r["method"], r["direction"], r["k"]): r["correct"] for r in rows}
    assert [counts["attribution_predicted", "highest_first", k] for k in range(4)] == [3, 1, 0, 1]
    assert [counts["attention_max", "lowest_first", k] for k in range(4)] == [3, 2, 1, 1]
    for row in rows:
        assert (row["task"], row["seed"], row["n"]) == ("rte", 2, 4)
        assert row["accuracy"] == row["correct"] / 4
        wilson = binomtest(row["correct"], 4).proportion_ci(0.95, method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((wilson.low, wilson.high))


def values(measured):
    return {name: one.values for name, one in measured.items() if isinstance(one, Mean)}


def test_measures_by_hand():
    measured = measures(CORRECT, majority=0.5)
    found = values(measured)
    # Per example, the mean over k = 0..3 of what is right lowest first minus highest first.
    assert found["area/attribution_predicted"].tolist() == [25.0, 50.0, 50.0, 0.0]
    assert found["area/attention_max"].tolist() == [25.0, -25.0, 0.0, 0.0]
    assert found["lead/attribution_predicted-attention_max"].tolist() == [0.0, 75.0, 50.0, 0.0]
    # Of three heads the top two stay when one is masked lowest first, and go when two are masked highest first.
    assert found["kept/attribution_predicted"].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert found["kept/attention_max"].tolist() == [0.0, 0.0, -100.0, 0.0]
    lost = measured["lost/attention_max"]
    assert isinstance(lost, Ratio)
    assert lost.above.tolist() == [1, 0, 1, 0]
    assert lost.below.tolist() == [0.5, 0.5, 0.5, -0.5]
    steps = {name.split("/")[0]: one.step for name, one in measured.items()}
    assert steps == {"area": 50, "lead": 50, "kept": 100, "lost": 1}


def test_attribution_leads_every_other_by_the_predicted_label_also_summed_and_attention_by_the_gold_one():
    curve = hits("1110", "1000", "0000")
    methods = [
        "taylor",
        "attribution_gold",
        "attention_confidence",
        "random",
        "attribution_predicted_sum",
        "attribution_predicted",
    ]
    correct = {(method, way): curve for method in methods for way in ("lowest_first", "highest_first")}
    leads = [name.removeprefix("lead/") for name in measures(correct, majority=0.5) if name.startswith("lead/")]
    assert leads == [
        "attribution_predicted-taylor",
        "attribution_predicted-attribution_gold",
        "attribution_predicted-attention_confidence",
        "attribution_predicted-random",
        "attribution_predicted_sum-taylor",
        "attribution_predicted_sum-attribution_gold",
        "attribution_predicted_sum-attention_confidence",
        "attribution_predicted_sum-random",
        "attribution_predicted_sum-attribution_predicted",
        "attribution_gold-attention_confidence",
    ]


def test_leads_are_paired_by_example():
    same = CORRECT["attribution_predicted", "lowest_first"], CORRECT["attribution_predicted", "highest_first"]
    twice = {
        (name, way): value
        for name in ("attribution_predicted", "taylor")
        for way, value in zip(("lowest_first", "highest_first"), same, strict=True)
    }
    (lead,) = [
        one for one in statistics("rte", [keyed_measures(twice, majority=0.5)]) if one.key.text.startswith("lead/")
    ]
    assert lead.estimate is not None
    assert lead.estimate.value == 0
    assert {part.source for part in lead.estimate.beyond(0).parts if part.variance} == {"unseen examples"}


def test_what_is_lost_beyond_two_random_heads():
    random = {("random", way): hits("1110", "1100", "1100", "0010") for way in ("lowest_first", "highest_first")}
    found = measures(CORRECT | random, majority=0.5)["lost/attribution_predicted-random"]
    assert found.values.tolist() == [100.0, 100.0, 0.0, 0.0]
    assert found.step == 100


def test_random_orders_have_no_area_and_two_of_them_keep_as_much_as_they_take():
    """Every order of four heads as often as any other, in a model that answers rightly as long as head 0 is there."""
    right = {"lowest_first": [], "highest_first": []}
    for order in permutations(range(4)):  # head 0 has this rank
        rank = order[0]
        right["lowest_first"].append([k <= rank for k in range(5)])
        right["highest_first"].append([k <= 3 - rank for k in range(5)])
    correct = {("random", way): np.array(rows).T for way, rows in right.items()}
    measured = measures(correct, majority=0.25)
    assert values(measured)["area/random"].mean() == pytest.approx(0)
    kept, lost = values(measured)["kept/random"].mean(), measured["lost/random"].above.mean()
    assert kept == pytest.approx(-50)
    assert lost == pytest.approx(0.5)


def test_with_two_heads_or_fewer_the_top_two_are_all():
    one = {("random", "lowest_first"): hits("10", "00"), ("random", "highest_first"): hits("10", "01")}
    measured = measures(one, majority=0.5)
    assert values(measured)["kept/random"].tolist() == [0, 0]
    assert measured["lost/random"].above.tolist() == [1, -1]
