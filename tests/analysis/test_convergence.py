import math

import numpy as np
import pytest
from outcomes_by_hand import with_texts

from attattr import integrate
from pipeline.analysis.convergence import FLOOR, curve_rows, of_examples, relative_errors, summary, trust
from pipeline.analysis.convergence import measures as keyed_measures

measures = with_texts(keyed_measures)


def row(example, layer, error, size, *, rule="right", steps=20, **others):
    values = {"gap": 0.0, "jaccard": 1.0, "kendall": 1.0, "unconverged": False, **others}
    return {"example_id": example, "layer": layer, "rule": rule, "steps": steps, "error": error, "size": size} | values


# What every run of the stage has beside the rules.
ALWAYS = [
    row("a", 0, 0.001, 2.0, rule="reference", steps=32),
    row("a", 0, 0.001, 2.0, rule="judge", steps=16),
    row("a", 0, 0.002, 1.0, rule="auto", steps=8),
]


def summarise(rows):
    return summary([*ALWAYS, *rows], tolerance=0.01)


def test_a_relative_error_is_compared_with_the_floor_where_the_scores_are_smaller():
    sizes = [0.5, 1e-4, 1e-5, 0.0]
    rows = [row("a", layer, 3e-5, size) for layer, size in enumerate(sizes)]
    assert relative_errors(rows) == pytest.approx([6e-5, 0.3, 0.3, 0.3])


def test_curves_by_hand():
    rows = [
        row("a", 0, 0.25, 1.0, gap=0.5, jaccard=1.0, kendall=0.5),
        row("a", 1, 0.0, 2.0, gap=0.25, jaccard=0.5, kendall=0.5),
        row("b", 0, 0.5, 1.0, gap=0.0, jaccard=0.25, kendall=1.0),
        row("b", 1, 0.25, 4.0, gap=0.25, jaccard=0.25, kendall=1.0),
        row("a", 0, 0.125, 1.0, steps=3),
        row("a", 0, 0.5, 1.0, rule="left", steps=3),
    ]
    first, *others = curve_rows(rows, task="rte", seed=2)
    # Sorted, the relative errors are 0, 1/16, 1/4, 1/2; the 95 % quantile lies at place 2.85 of 0 to 3.
    assert first == pytest.approx(
        # Two examples of sizes 3 and 5 do not even tell the mean size from 0.
        {"task": "rte", "seed": 2, "rule": "right", "steps": 20, "n": 2, "error": 1 / 8, "low": None, "high": None}
        | {"median": (1 / 16 + 1 / 4) / 2, "q95": 1 / 4 + 0.85 / 4, "worst": 1 / 2}
        | {"gap": 0.25, "jaccard": 0.5, "kendall": 0.75}
    )
    assert [(curve["rule"], curve["steps"], curve["n"], curve["error"]) for curve in others] == [
        ("right", 3, 1, 0.125),
        ("left", 3, 1, 0.5),
    ]


def test_the_bounds_of_a_curve_are_over_examples():
    # Sizes are alike, so that the error is a mean: of 1/8, 1/4 and 3/8, each the sum of two layers.
    rows = [row(name, layer, at / 16, 0.5) for at, name in enumerate("abc", start=1) for layer in (0, 1)]
    (found,) = curve_rows(rows, task="rte", seed=2)
    half = 4.302652729911275 / 8 / math.sqrt(3)
    assert [found[name] for name in ("error", "low", "high")] == pytest.approx([1 / 4, 1 / 4 - half, 1 / 4 + half])


def test_the_curve_of_auto_is_one_row_at_its_mean_steps():
    rows = [
        row("a", 0, 0.25, 1.0, rule="auto", steps=4),
        row("b", 0, 0.0, 1.0, rule="auto", steps=64),
        row("a", 0, 0.0, 1.0, rule="right", steps=4),
        row("a", 1, 0.125, 1.0, rule="auto", steps=4),
    ]
    auto, right = curve_rows(rows, task="rte", seed=2)
    assert (auto["rule"], auto["steps"], auto["n"], auto["error"]) == ("auto", 24, 2, 0.125)
    assert (right["rule"], right["steps"]) == ("right", 4)


def test_the_pooled_error_of_nothing_is_compared_with_the_floor():
    (curve,) = curve_rows([row("a", 0, 1e-6, 0.0), row("b", 0, 3e-6, 0.0)], task="rte", seed=2)
    assert curve["error"] == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("errors", "needed"),
    [
        # 3 steps happen to be below 1 %, and 5 exceed it.
        ({2: 0.5, 3: 0.005, 5: 0.02, 8: 0.0005, 12: 0.0002}, (8, 8, None)),
        ({2: 0.00001, 3: 0.02, 5: 0.00005, 8: 0.00001, 12: 0.00001}, (5, 5, 5)),
        # Below all levels but for the largest number.
        ({2: 0.0, 3: 0.0, 5: 0.0, 8: 0.0, 12: 0.5}, (None, None, None)),
        # A level that is met is not exceeded.
        ({2: 0.01, 3: 0.001, 5: 0.001, 8: 0.0001, 12: 0.0}, (2, 3, 8)),
    ],
)
def test_the_steps_needed_are_those_from_which_on_no_larger_number_exceeds_the_level(errors, needed):
    for grid in ([2, 3, 5, 8, 12], [8, 2, 12, 3, 5]):
        rows = [row("a", 0, errors[steps], 1.0, rule="midpoint", steps=steps) for steps in grid]
        found = summarise(rows)["steps_needed"]
        assert found == {"midpoint": dict(zip(("0.01", "0.001", "0.0001"), needed, strict=True))}


def test_every_rule_has_its_own_steps_from_errors_that_are_pooled():
    rows = [
        row("a", 0, 0.0, 30.0, rule="left", steps=2),
        row("a", 1, 0.3, 0.0, rule="left", steps=2),
        row("a", 0, 0.0, 1.0, rule="left", steps=4),
        row("a", 0, 0.5, 1.0, rule="midpoint", steps=2),
        row("a", 0, 0.001, 1.0, rule="midpoint", steps=4),
    ]
    found = summarise(rows)["steps_needed"]
    assert {rule: needed["0.01"] for rule, needed in found.items()} == {"left": 2, "midpoint": 4}
    assert {rule: needed["0.001"] for rule, needed in found.items()} == {"left": 4, "midpoint": 4}


def test_the_summary_of_auto_and_of_the_reference_by_hand():
    rows = [
        row("a", 0, 0.25, 4.0, rule="auto", steps=4),
        row("a", 1, 0.25, 2.0, rule="auto", steps=64, unconverged=True),
        # Exactly the tolerance, and an error as large as the floor, which stands in for the size.
        row("b", 0, 0.125, 1.0, rule="auto", steps=8),
        row("b", 1, 0.0001, 0.0, rule="auto", steps=64, unconverged=True),
        row("a", 0, 0.5, 4.0, rule="reference", steps=48),
        row("b", 0, 0.0, 4.0, rule="reference", steps=48),
        row("a", 0, 0.25, 4.0, rule="judge", steps=32),
        row("b", 0, 0.0, 4.0, rule="judge", steps=256),
        row("a", 0, 0.5, 1.0, rule="left", steps=2),
    ]
    found = summary(rows, tolerance=0.125)
    assert (found["n"], found["reference_steps"], found["reference_error"]) == (2, 96, 0.0625)
    assert found["judge_error"] == 0.03125
    # The relative errors are 1/16, 1/8, 1/8 and 1.
    assert found["auto"] == pytest.approx(
        {"tolerance": 0.125, "error": 0.6251 / 7, "within_tolerance": 0.75, "steps_mean": 35}
        | {"pairs": 4, "unconverged": 2}
    )


def test_small_scores_count_as_the_engine_counts_them():
    assert FLOOR == integrate.FLOOR


# Claim P1: one example after the other, all layers together.


def judge(*layers, doubt=(0.0, 0.0), kendall=1.0):
    """The statistics of one example, of whose two layers `layers` holds (error, size) with 20 right steps."""
    rows = [row("a", layer, doubt[layer], size, rule="reference") for layer, (_, size) in enumerate(layers)]
    rows += [row("a", layer, *layers[layer], kendall=kendall) for layer in (0, 1)]
    return {name: one for name, one in measures(of_examples(rows)).items() if name.endswith("right-20")}


def test_a_layer_that_is_tiny_does_not_decide():
    """It is off by its whole size, which is a thousandth of the other's."""
    assert judge((0.04, 1.0), (0.001, 0.001))["within/right-20"].values == [100]
    assert judge((0.04, 1.0), (1.0, 1.0))["within/right-20"].values == [0]


@pytest.mark.parametrize(
    ("error", "doubt", "within"), [(0.09, 0.0, 100), (0.11, 0.0, 0), (0.09, 0.005, 100), (0.09, 0.02, 0), (0.0, 0.2, 0)]
)
def test_an_example_is_within_5_percent_only_if_its_reference_cannot_say_otherwise(error, doubt, within):
    found = judge((error, 1.0), (0.0, 1.0), doubt=(0.0, doubt))
    assert found["within/right-20"].values == [within]


def test_the_true_error_is_within_wherever_the_reference_may_be_off():
    """By the triangle inequality: the reference is anything that lies at most its doubt from the true scores."""
    generator = np.random.default_rng(0)
    for _ in range(200):
        true = generator.normal(size=30)
        fine = true + generator.normal(size=30) * 10 ** generator.uniform(-4, -1)
        coarse = true + generator.normal(size=30) * 10 ** generator.uniform(-4, -1)
        size, doubt = np.abs(fine).sum(), np.abs(fine - true).sum()
        found = judge((np.abs(coarse - fine).sum(), size), (0.0, 0.0), doubt=(doubt, 0.0))
        if found["within/right-20"].values[0]:
            assert np.abs(coarse - true).sum() <= 0.05 * size


def test_scores_that_vanish_are_compared_with_the_floor():
    assert judge((1e-6, 0.0), (1e-6, 0.0))["within/right-20"].values == [100]
    assert judge((1e-5, 0.0), (1e-6, 0.0))["within/right-20"].values == [0]


def test_the_error_is_a_ratio_of_sums_and_the_order_of_heads_counts_once():
    found = judge((0.25, 1.0), (0.25, 3.0), kendall=0.5)
    error = found["error/right-20"]
    assert (error.above, error.below) == ([0.5], [4.0])
    assert found["kendall/right-20"].values == [0.5]


def test_examples_keep_their_order_and_rules_are_told_apart():
    rows = [
        row(example, 0, error, 1.0, rule=rule)
        for example, errors in (("b", (0.0, 0.01, 0.2)), ("a", (0.0, 0.2, 0.01)))
        for rule, error in zip(("reference", "right", "left"), errors, strict=True)
    ]
    judged = of_examples(rows)
    assert judged.examples == ["b", "a"]
    found = measures(judged)
    assert found["within/right-20"].values.tolist() == [100, 0]
    assert found["within/left-20"].values.tolist() == [0, 100]


def test_how_many_examples_only_their_doubt_keeps_from_counting():
    errors = {"a": (0.01, 0.0, False), "b": (0.01, 0.045, True), "c": (0.2, 0.045, True), "d": (0.01, 0.01, True)}
    rows = [
        row(example, 0, value, 1.0, rule=rule, unconverged=short and rule == "reference")
        for example, (error, doubt, short) in errors.items()
        for rule, value in (("reference", doubt), ("right", error))
    ]
    assert trust(rows, of_examples(rows)) == pytest.approx(
        {"n": 4, "unconverged": 3, "decided_by_doubt": 1, "doubt": 0.1 / 4, "largest_doubt": 0.045}
    )
