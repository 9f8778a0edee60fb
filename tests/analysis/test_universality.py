import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from pipeline.analysis.outcomes import Model
from pipeline.analysis.universality import (
    correlated_pairs,
    importance_of,
    normalised_rows,
    similar_minus_others,
    summary,
)
from pipeline.errors import InputError

DRAWS, SHAPE = 300, (3, 4)


def drawn(*models, seed=0, shape=SHAPE):
    generator = np.random.default_rng(seed)
    return {Model(*model): generator.gamma(0.5, size=shape) for model in models}


def table(model, values, *, methods=("attribution", "taylor"), normalise=("none", "layer_l2")):
    """The file of `prune` for one model; the importance asked for is that of taylor, none."""
    return pd.DataFrame(
        {"task": model.task, "seed": model.seed, "method": method, "normalise": how, "layer": layer, "head": head}
        | {"importance": value if (method, how) == ("taylor", "none") else -1.0}
        for method in methods
        for how in normalise
        for (layer, head), value in np.ndenumerate(values)
    )


# Reading.


def test_importance_is_that_of_one_method_and_normalisation_by_layer_and_head():
    for model, values in drawn(("rte", 2), ("rte", 1), ("mnli", 2)).items():
        for rows in (table(model, values), table(model, values).sample(frac=1, random_state=0)):
            np.testing.assert_array_equal(importance_of(rows, method="taylor", normalise="none"), values)


@pytest.mark.parametrize(("method", "how"), [("attention", "none"), ("taylor", "layer_l2")])
def test_an_importance_that_was_not_computed_is_named_with_the_model(method, how):
    rows = table(Model("mnli", 1), np.ones(SHAPE))
    missing = rows[(rows["method"] != "taylor") | (rows["normalise"] != "layer_l2")]
    with pytest.raises(InputError, match=rf"{method} with normalise {how}.*mnli, seed 1.*dvc repro prune"):
        importance_of(missing, method=method, normalise=how)


def test_rows_are_divided_by_the_models_maximum():
    rows = normalised_rows({Model("rte", 3): np.array([[1.0, -2.0], [4.0, 0.0]])})
    assert [(row["layer"], row["head"], row["importance"]) for row in rows] == [
        (0, 0, 0.25),
        (0, 1, -0.5),
        (1, 0, 1.0),
        (1, 1, 0.0),
    ]
    assert all((row["task"], row["seed"]) == ("rte", 3) for row in rows)


@pytest.mark.parametrize("values", [[[-1.0, -2.0]], [[0.0, 0.0]]])
def test_without_a_positive_importance_the_order_is_kept(values):
    rows = normalised_rows({Model("rte", 1): np.array(values)})
    assert [row["importance"] for row in rows] == values[0]


# Correlations.


def test_correlations_and_their_resamples_are_scipys():
    importance = drawn(("rte", 1), ("mnli", 1), ("rte", 2))
    importance[Model("rte", 1)][0, 0] = importance[Model("rte", 1)][1, 1]  # a tie
    pairs = correlated_pairs(importance, draws=DRAWS, seed=5)
    assert [(pair.a, pair.b) for pair in pairs] == list(itertools.combinations(importance, 2))
    picks = np.random.default_rng(5).integers(12, size=(DRAWS, 12))
    for pair in pairs:
        x, y = (importance[model].ravel() for model in (pair.a, pair.b))
        for found, scipys in ((pair.pearson, pearsonr), (pair.spearman, spearmanr)):
            assert found.values[0] == pytest.approx(scipys(x, y).statistic, abs=1e-12)
            expected = [scipys(x[chosen], y[chosen]).statistic for chosen in picks[:40]]
            np.testing.assert_allclose(found.values[1:41], expected, atol=1e-12)
            metrics = found.metrics()
            assert metrics["value"] == pytest.approx(found.values[0], abs=1e-12)
            assert metrics["low"] == pytest.approx(np.quantile(found.values[1:], 0.025))
            assert metrics["high"] == pytest.approx(np.quantile(found.values[1:], 0.975))


def test_swapping_models_and_changing_units_keeps_the_values():
    importance = drawn(("rte", 1), ("mnli", 1))
    (pair,) = correlated_pairs(importance, draws=DRAWS, seed=0)
    swapped = {
        Model("mnli", 1): 7 * importance[Model("mnli", 1)] - 3,
        Model("rte", 1): 0.1 * importance[Model("rte", 1)],
    }
    (same,) = correlated_pairs(swapped, draws=DRAWS, seed=0)
    for kind in ("pearson", "spearman"):
        one, other = getattr(pair, kind), getattr(same, kind)
        np.testing.assert_allclose(other.values, one.values, atol=1e-12)
        assert other.layers_alone == pytest.approx(one.layers_alone)


def test_a_rising_function_keeps_spearman_and_a_falling_one_turns_it():
    importance = drawn(("rte", 1), ("mnli", 1))
    (pair,) = correlated_pairs(importance, draws=DRAWS, seed=0)
    bent = importance | {Model("mnli", 1): np.exp(3 * importance[Model("mnli", 1)])}
    (rising,) = correlated_pairs(bent, draws=DRAWS, seed=0)
    np.testing.assert_allclose(rising.spearman.values, pair.spearman.values, atol=1e-12)
    assert rising.pearson.values[0] != pytest.approx(pair.pearson.values[0])
    (falling,) = correlated_pairs({m: (-1) ** n * v for n, (m, v) in enumerate(bent.items())}, draws=DRAWS, seed=0)
    np.testing.assert_allclose(falling.spearman.values, -pair.spearman.values, atol=1e-12)


def test_a_model_agrees_with_itself_without_uncertainty():
    values = drawn(("rte", 1))[Model("rte", 1)]
    (pair,) = correlated_pairs({Model("rte", 1): values, Model("rte", 2): values}, draws=DRAWS, seed=0)
    assert pair.same_task
    for found in (pair.pearson.metrics(), pair.spearman.metrics()):
        assert (found["value"], found["low"], found["high"]) == pytest.approx((1, 1, 1))


def test_layers_alone_is_the_mean_over_all_shuffles_within_layers():
    importance = drawn(("rte", 1), ("mnli", 1), shape=(2, 3))
    (pair,) = correlated_pairs(importance, draws=DRAWS, seed=0)
    x, y = importance.values()
    shuffles = [
        np.array([first, second]) for first in itertools.permutations(y[0]) for second in itertools.permutations(y[1])
    ]
    for found, scipys in ((pair.pearson, pearsonr), (pair.spearman, spearmanr)):
        expected = np.mean([scipys(x.ravel(), shuffled.ravel()).statistic for shuffled in shuffles])
        assert found.layers_alone == pytest.approx(expected)


def test_a_constant_importance_has_no_correlation():
    importance = drawn(("rte", 1), ("mnli", 1)) | {Model("sst2", 1): np.full(SHAPE, 0.1)}
    metrics = summary(correlated_pairs(importance, draws=DRAWS, seed=0))
    by_tasks = {(pair["a"]["task"], pair["b"]["task"]): pair for pair in metrics["pairs"]}
    assert by_tasks["rte", "sst2"]["pearson"] is by_tasks["rte", "sst2"]["spearman"] is None
    assert by_tasks["rte", "mnli"]["pearson"] is not None
    json.dumps(metrics, allow_nan=False)


def test_resamples_in_which_an_importance_is_constant_are_left_out():
    lone = np.zeros(SHAPE)
    lone[1, 2] = 1.0  # over a third of the resamples lack this head
    (pair,) = correlated_pairs({Model("rte", 1): lone, **drawn(("mnli", 1))}, draws=DRAWS, seed=0)
    undefined = np.isnan(pair.pearson.values)
    assert 0.25 * DRAWS < undefined.sum() < 0.45 * DRAWS
    metrics = pair.pearson.metrics()
    assert metrics["low"] == pytest.approx(np.quantile(pair.pearson.values[1:][~undefined[1:]], 0.025))
    assert not any(math.isnan(value) for value in metrics.values())


def test_models_of_different_shapes_are_named():
    importance = drawn(("rte", 1), ("mnli", 1)) | {Model("sst2", 2): np.ones((4, 3))}
    with pytest.raises(InputError, match=r"rte, seed 1, has 3 layers of 4 heads, but sst2, seed 2, has 4 of 3"):
        correlated_pairs(importance, draws=DRAWS, seed=0)


def test_one_model_has_no_pair():
    metrics = summary(correlated_pairs(drawn(("rte", 1)), draws=DRAWS, seed=0))
    assert metrics == {"pairs": [], "similar_minus_others": None, "similar_minus_others_spearman": None}


def test_pairs_as_they_are_stored():
    metrics = summary(correlated_pairs(drawn(("rte", 1), ("rte", 2), ("mnli", 1)), draws=DRAWS, seed=0))
    first, second, third = metrics["pairs"]
    assert (first["a"], first["b"], first["same_task"]) == (
        {"task": "rte", "seed": 1},
        {"task": "rte", "seed": 2},
        True,
    )
    assert (second["same_task"], third["same_task"]) == (False, False)
    assert set(first["pearson"]) == set(first["spearman"]) == {"value", "low", "high", "layers_alone"}
    json.dumps(metrics)


# Claim P5.


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_similar_minus_others_is_a_paired_difference_of_means(kind):
    models = [(task, seed) for task in ("mnli", "sst2", "rte") for seed in (1, 2)]
    pairs = correlated_pairs(drawn(*models), draws=DRAWS, seed=0)
    similar = [pair for pair in pairs if {pair.a.task, pair.b.task} == {"mnli", "rte"}]
    others = [pair for pair in pairs if "sst2" in (pair.a.task, pair.b.task) and pair.a.task != pair.b.task]
    assert (len(similar), len(others)) == (4, 8)
    expected = sum(getattr(p, kind).values for p in similar) / 4 - sum(getattr(p, kind).values for p in others) / 8
    found = similar_minus_others(pairs, kind=kind)
    assert found["value"] == pytest.approx(expected[0])
    assert (found["low"], found["high"]) == pytest.approx(tuple(np.quantile(expected[1:], [0.025, 0.975])))


@pytest.mark.parametrize("tasks", [("mnli", "rte"), ("mnli", "sst2", "mrpc"), ("rte",)])
def test_the_claim_needs_mnli_and_rte_and_another_task(tasks):
    pairs = correlated_pairs(drawn(*((task, seed) for task in tasks for seed in (1, 2))), draws=DRAWS, seed=0)
    assert similar_minus_others(pairs, kind="pearson") is None


def test_a_constant_importance_takes_no_part_in_the_claim():
    importance = drawn(("mnli", 1), ("rte", 1), ("sst2", 1))
    without = correlated_pairs(importance, draws=DRAWS, seed=0)
    constant = {Model("mrpc", 1): np.ones(SHAPE)}
    pairs = correlated_pairs(importance | constant, draws=DRAWS, seed=0)
    assert similar_minus_others(pairs, kind="pearson") == similar_minus_others(without, kind="pearson")
    flat = correlated_pairs(importance | {Model("rte", 1): np.ones(SHAPE)}, draws=DRAWS, seed=0)
    assert similar_minus_others(flat, kind="pearson") is None
