import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.analysis.effectiveness import curve_rows, summary


def hits(*rows):
    return np.array([[character == "1" for character in row] for row in rows])


# Two methods, three heads per layer, four examples; rows are k = 0..3 heads masked.
CORRECT = {
    ("gold", "lowest_first"): hits("1110", "1110", "1110", "0010"),
    ("gold", "highest_first"): hits("1110", "1000", "0000", "0010"),
    ("attention", "lowest_first"): hits("1110", "1100", "1000", "0010"),
    ("attention", "highest_first"): hits("1110", "1100", "0100", "0010"),
}


def test_rows_by_hand():
    rows = curve_rows(CORRECT, task="rte", seed=2)
    assert len(rows) == 4 * 4
    counts = {(r["method"], r["direction"], r["k"]): r["correct"] for r in rows}
    assert [counts["gold", "highest_first", k] for k in range(4)] == [3, 1, 0, 1]
    assert [counts["attention", "lowest_first", k] for k in range(4)] == [3, 2, 1, 1]
    for row in rows:
        assert (row["task"], row["seed"], row["n"]) == ("rte", 2, 4)
        assert row["accuracy"] == row["correct"] / 4
        wilson = binomtest(row["correct"], 4).proportion_ci(0.95, method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((wilson.low, wilson.high))


def test_summary_by_hand():
    found = summary(CORRECT, draws=500, seed=0)
    assert (found["n"], found["n_heads"], found["baseline_accuracy"]) == (4, 3, 0.75)
    # Mean over k = 0..3 of the differences of accuracy: (0 + 2 + 3 + 0) / 4 / 4, and (0 + 0 + 0 + 0) / 4 / 4.
    assert found["area"]["gold"]["value"] == pytest.approx(100 * 5 / 16)
    assert found["area"]["attention"]["value"] == pytest.approx(0)
    (difference,) = found["area_difference"]
    assert (difference["method"], difference["minus"]) == ("gold", "attention")
    assert difference["value"] == pytest.approx(100 * 5 / 16)
    # Of three heads the top two stay when one is masked lowest first, and go when two are masked highest first.
    assert found["keep_top2"]["gold"]["accuracy"] == 0.75
    assert found["keep_top2"]["attention"]["accuracy"] == 0.5
    assert found["remove_top2"]["gold"]["accuracy"] == 0
    assert found["remove_top2"]["attention"]["accuracy"] == 0.25


def test_the_intervals_pair_the_methods_by_example():
    same = CORRECT["gold", "lowest_first"], CORRECT["gold", "highest_first"]
    twice = {
        (name, way): value for name in "ab" for way, value in zip(("lowest_first", "highest_first"), same, strict=True)
    }
    found = summary(twice, draws=500, seed=0)
    assert found["area"]["a"] == found["area"]["b"]
    assert found["area"]["a"]["low"] < found["area"]["a"]["value"] < found["area"]["a"]["high"]
    assert found["area_difference"] == [{"method": "a", "minus": "b", "value": 0, "low": 0, "high": 0}]


def test_with_two_heads_or_fewer_the_top_two_are_all():
    one = {("a", "lowest_first"): hits("10", "00"), ("a", "highest_first"): hits("10", "01")}
    found = summary(one, draws=200, seed=0)
    assert found["n_heads"] == 1
    assert found["keep_top2"]["a"]["accuracy"] == 0.5
    assert found["remove_top2"]["a"]["accuracy"] == 0.5
