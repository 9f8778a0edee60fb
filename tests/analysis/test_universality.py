import itertools

import numpy as np
import pytest
from outcomes_by_hand import with_texts
from scipy.stats import pearsonr, spearmanr

from pipeline.analysis.outcomes import Model
from pipeline.analysis.statistics import statistics
from pipeline.analysis.universality import (
    _shared_shape,
    ceilings,
    normalised_rows,
    pair_records,
    pearson,
    spearman,
    within_layers,
)
from pipeline.analysis.universality import (
    agreements as keyed_agreements,
)
from pipeline.errors import InputError

agreements = with_texts(keyed_agreements)


SHAPE = (3, 4)
TASKS = ("mnli", "rte", "sst2", "mrpc")


def drawn(*names, seed=0, shape=SHAPE):
    generator = np.random.default_rng(seed)
    return {name: generator.gamma(0.5, size=shape) for name in names}


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


def test_models_of_different_shapes_are_named():
    models = drawn(Model("rte", 1), Model("mnli", 1)) | {Model("sst2", 2): np.ones((4, 3))}
    with pytest.raises(InputError, match=r"rte, seed 1, has 3 layers of 4 heads, but sst2, seed 2, has 4 of 3"):
        _shared_shape(models)


# Correlations.


def test_correlations_are_scipys():
    x, y = drawn("x", "y").values()
    x[0, 0] = x[1, 1]  # a tie
    assert pearson(x, y) == pytest.approx(pearsonr(x.ravel(), y.ravel()).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(spearmanr(x.ravel(), y.ravel()).statistic, abs=1e-12)
    assert pearson(x, 7 * x - 3) == pytest.approx(1)
    assert spearman(x, np.exp(-3 * y)) == pytest.approx(-spearman(x, y))


def test_within_layers_is_what_layers_do_not_explain():
    x, y = drawn("x", "y").values()
    layers = np.array([[0.0], [5.0], [9.0]])
    flat_x, flat_y = ((values - values.mean(axis=1, keepdims=True)).ravel() for values in (x, y))
    assert within_layers(x, y) == pytest.approx(pearsonr(flat_x, flat_y).statistic)
    # What is added to whole layers does not matter, though it makes the correlation over all heads.
    assert within_layers(x + layers, y + layers) == pytest.approx(within_layers(x, y))
    assert pearson(x + layers, y + layers) > 0.9
    # Over all shuffles of the heads within their layers it is zero on average.
    x, y = drawn("x", "y", shape=(2, 3)).values()
    shuffles = [np.array(pair) for pair in itertools.product(*(itertools.permutations(row) for row in y))]
    assert np.mean([within_layers(x, shuffled) for shuffled in shuffles]) == pytest.approx(0, abs=1e-12)


def test_a_constant_importance_has_no_correlation():
    x, flat = drawn("x")["x"], np.full(SHAPE, 0.1)
    assert pearson(x, flat) is spearman(flat, x) is within_layers(x, flat) is None
    by_layer = np.repeat([[0.1], [0.2], [0.3]], 4, axis=1)
    assert pearson(x, by_layer) is not None
    assert within_layers(x, by_layer) is None


# Agreement between tasks.


@pytest.mark.parametrize(("kind", "scipys"), [("", pearsonr), ("/spearman", spearmanr)])
def test_similar_minus_others_by_hand(kind, scipys):
    importance = drawn(*TASKS)
    r = {
        (a, b): scipys(importance[a].ravel(), importance[b].ravel()).statistic
        for a, b in itertools.combinations(TASKS, 2)
    }
    similar = r.pop(("mnli", "rte"))
    found = agreements(importance, tasks=len(TASKS))
    assert found[f"similar-others{kind}"].value == pytest.approx(similar - np.mean(list(r.values())))
    assert found["agreement/rte-mrpc"].value == pytest.approx(pearson(importance["rte"], importance["mrpc"]))
    assert found["agreement/rte-mrpc/within_layers"].value == pytest.approx(
        within_layers(importance["rte"], importance["mrpc"])
    )
    assert len(found) == 2 + 2 * 6


@pytest.mark.parametrize("tasks", [("mnli", "rte"), ("mnli", "sst2", "mrpc"), ("rte",)])
def test_the_claim_needs_mnli_and_rte_and_another_task(tasks):
    found = agreements(drawn(*tasks), tasks=len(tasks))
    assert not any(name.startswith("similar") for name in found)
    assert len(found) == len(tasks) * (len(tasks) - 1)


def test_with_a_constant_importance_the_claim_is_undefined():
    found = agreements(drawn(*TASKS) | {"mrpc": np.ones(SHAPE)}, tasks=len(TASKS))
    assert found["similar-others"].value is found["similar-others/spearman"].value is None
    assert found["agreement/mnli-mrpc"].value is None
    assert found["agreement/mnli-rte"].value is not None


def test_importances_that_know_nothing_of_each_other_agree_on_nothing():
    models = [keyed_agreements(drawn(*TASKS, seed=seed, shape=(12, 12)), tasks=len(TASKS)) for seed in range(30)]
    for one in statistics(None, models):
        assert abs(one.estimate.value) < 3.5 * one.estimate.error
        assert (one.estimate.replicates, one.estimate.holds) == (30, "models")


# The ceiling.


def test_the_ceiling_is_the_mean_over_pairs_of_seeds_without_an_interval():
    a, b, c = drawn("a", "b", "c").values()
    whole, within = ceilings("rte", [a, b, c])
    ab, ac, bc = pearson(a, b), pearson(a, c), pearson(b, c)
    assert (whole.task, whole.key.text, within.key.text) == (None, "ceiling/rte", "ceiling/rte/within_layers")
    assert whole.estimate.value == pytest.approx((ab + ac + bc) / 3)
    assert whole.by_seed == pytest.approx(((ab + ac) / 2, (ab + bc) / 2, (ac + bc) / 2))
    assert whole.estimate.interval() is None
    assert within.estimate.value == pytest.approx(
        np.mean([within_layers(x, y) for x, y in itertools.combinations((a, b, c), 2)])
    )
    assert whole.record()["why"] == "none: pairs of seeds share models"


def test_one_seed_has_no_ceiling_and_a_constant_importance_none_that_is_defined():
    a = drawn("a")["a"]
    assert ceilings("rte", [a]) == []
    whole, _ = ceilings("rte", [a, np.ones(SHAPE)])
    assert whole.estimate is None
    assert whole.by_seed == (None, None)


def test_pairs_as_they_are_stored():
    models = drawn(Model("rte", 1), Model("rte", 2), Model("mnli", 1))
    first, second, third = pair_records(models)
    assert (first["a"], first["b"]) == ({"task": "rte", "seed": 1}, {"task": "rte", "seed": 2})
    assert (first["same_task"], second["same_task"], third["same_task"]) == (True, False, False)
    assert first["pearson"] == pytest.approx(pearson(models[Model("rte", 1)], models[Model("rte", 2)]))
    assert pair_records(drawn(Model("rte", 1))) == []
