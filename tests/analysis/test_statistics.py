"""Statistics of a task from the measures of its models."""

import numpy as np
import pytest
from outcomes_by_hand import key

from pipeline.analysis.statistics import Mean, Ratio, Single, statistics
from pipeline.errors import InputError


def of(values, **changes):
    return {key("mean"): Mean("a mean", "points", np.array(values, float), **changes)}


def test_a_mean_holds_models_and_examples():
    (found,) = statistics("rte", [of([1, 2, 3]), of([2, 2, 5])], examples=[["a", "b", "c"]] * 2)
    row = found.record()
    assert (row["task"], row["name"], row["label"], row["unit"]) == ("rte", "mean", "a mean", "points")
    assert (row["value"], row["by_seed"], row["replicates"], row["n"]) == (2.5, [2.0, 3.0], 2, 3)
    assert row["low"] < 2.5 < row["high"]
    assert row["holds"] == "models and examples"


def test_a_ratio_is_one_of_means_not_a_mean_of_ratios():
    models = [{key("r"): Ratio("a ratio", "share", np.array(a, float), np.array(b, float))} for a, b in
              [([1, 0, 1], [2, 2, 3]), ([1, 1, 1], [2, 2, 2])]]  # fmt: skip
    (found,) = statistics("rte", models)
    assert found.estimate.value == pytest.approx(5 / 13)
    assert found.by_seed == pytest.approx((2 / 7, 0.5))


def test_a_ratio_without_a_clear_denominator_says_why():
    def found(*below):
        models = [{key("r"): Ratio("a ratio", "share", np.array([1.0, 2.0, 1.0, 3.0]), np.array(below))}]
        (one,) = statistics("rte", models)
        return one

    unclear, negative = found(1.0, -1.0, 2.0, -1.5), found(1.0, -1.0, 2.0, -2.5)
    assert unclear.record()["why"] == "what it is a share of may be 0: it could be anything"
    assert (unclear.record()["low"], unclear.record()["holds"]) == (None, None)
    assert unclear.estimate.value == pytest.approx(14.0)
    assert (negative.estimate, negative.why) == (None, "what it is a share of is not above 0")


def test_an_interval_ends_where_its_range_does():
    hits = np.array(3 * [100.0, 100.0, 0.0, 100.0, 100.0])
    (percent,) = statistics("rte", [{key("m"): Mean("hits", "%", hits, step=100)}])
    assert (percent.record()["low"] > 0, percent.record()["high"]) == (True, 100)
    (all_,) = statistics("rte", [{key("m"): Mean("hits", "%", np.array([100.0, 0.0]), step=100)}])
    assert (all_.record()["low"], all_.record()["why"]) == (None, "nothing known: the interval is the whole range")
    (share,) = statistics("rte", [{key("m"): Mean("AUROC", "share", np.array([0.9, 1.0]), within=(0, 1))}])
    assert (share.record()["low"] > 0, share.record()["high"]) == (True, 1)
    (free,) = statistics("rte", [{key("m"): Mean("log-odds", "log-odds", np.array([0.0, 900.0]))}])
    assert free.record()["high"] > 900


def test_anything_else_has_one_value_per_model():
    (found,) = statistics("rte", [{key("s"): Single("a slope", "tokens", value)} for value in (1.0, 2.0, 6.0)])
    assert (found.estimate.value, found.estimate.holds) == (3.0, "models")
    (found,) = statistics("rte", [{key("s"): Single("a slope", "tokens", value)} for value in (1.0, None, 6.0)])
    assert (found.estimate, found.why) == (None, "undefined for 1 of 3 models")
    values = [Single("a slope", "tokens", 1.0, "unused"), *(Single("a slope", "tokens", None, why) for why in "abb")]
    (found,) = statistics("rte", [{key("s"): value} for value in values])
    assert found.why == "undefined for 3 of 4 models: a; b"
    assert found.by_seed == (1.0, None, None, None)


def test_models_are_compared_on_the_same_examples_by_the_same_measures():
    with pytest.raises(InputError, match="different examples"):
        statistics("rte", [of([1, 2]), of([1, 2])], examples=[["a", "b"], ["a", "c"]])
    with pytest.raises(InputError, match="different measures"):
        statistics("rte", [of([1, 2]), {key("other"): Single("", "", 1.0)}])
