"""Kept pairs: two seeds' agreement against every pair by brute force, and against shuffled weights."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

from pipeline.analysis.claims import decisions_of
from pipeline.analysis.rules import read_rules
from pipeline.analysis.statistics import statistics
from pipeline.analysis.truth import randomised
from pipeline.analysis.truth_pairs import pseudo_values, seeds_agreement
from pipeline.errors import InputError
from pipeline.values.columns import EFFECT, KEPT

EXAMPLES, PAIRS = 12, 40


def kept(scores):
    """Rows of one model as `truth` writes them, of scores `(example, pair)`."""
    return [
        {"example_id": f"e-{place}", EFFECT: one.tolist(), **{name: one.tolist() for name in KEPT}}
        for place, one in enumerate(scores)
    ]


def shuffled(scores, after):
    """Rows of one model with everything shuffled."""
    known = {"method": "attribution", "shuffled": 3}
    return [
        {"example_id": f"e-{place}", **known, "spearman": float(spearmanr(one, other).statistic)}
        for place, (one, other) in enumerate(zip(scores, after, strict=True))
    ]


def verdict(models, after):
    """What rule N3 says of scores `(model, example, pair)` and of those with everything shuffled."""
    seeds = seeds_agreement([kept(one) for one in models]) or [None] * len(models)
    measured = [
        randomised(shuffled(*both), own) for both, own in zip(zip(models, after, strict=True), seeds, strict=True)
    ]
    found = {one.key.text: one for one in statistics("t", measured)}
    (rule,) = (one for one in read_rules().rules if one.id == "N3")
    return decisions_of(rule, {"t": [found[part.statistic] for part in rule.primary]}, barred={})["t"]


@pytest.mark.parametrize("count", [3, 4, 7])
def test_pseudo_values_are_the_jackknifes(count):
    table = np.random.default_rng(count).normal(size=(count, count))
    table += table.T

    def mean(chosen):
        return np.mean([table[pair] for pair in combinations(chosen, 2)])

    every, found = range(count), pseudo_values(table)
    without = [mean([one for one in every if one != left]) for left in every]
    np.testing.assert_allclose(found, count * mean(every) - (count - 1) * np.array(without))
    assert found.mean() == pytest.approx(mean(every))


def test_seeds_agreement_is_the_mean_over_all_pairs_of_models():
    models = np.random.default_rng(0).normal(size=(4, EXAMPLES, PAIRS)).round(1)  # with ties
    models[:, 1] = models[0, 1]
    models[2, 0] = 3.0  # constant, and 0 with all others
    found = np.stack([one["attribution"] for one in seeds_agreement([kept(one) for one in models])])
    for example in range(EXAMPLES):
        rates = [
            0.0 if example == 0 and 2 in pair else spearmanr(*models[list(pair), example]).statistic
            for pair in combinations(range(4), 2)
        ]
        assert found[:, example].mean() == pytest.approx(np.mean(rates))
    assert found[:, 1] == pytest.approx(1)


def test_models_of_other_pairs_are_refused():
    models = [kept(np.zeros((2, PAIRS))), kept(np.zeros((2, PAIRS))), kept(np.zeros((2, PAIRS + 1)))]
    with pytest.raises(InputError, match="different pairs"):
        seeds_agreement(models)


def test_two_models_tell_nothing():
    models = np.random.default_rng(0).normal(size=(2, EXAMPLES, PAIRS))
    assert (verdict(models, models).verdict, "needs 3 models" in verdict(models, models).why) == ("open", True)


def test_what_is_random_is_no_sign_of_learning_and_what_seeds_share_is():
    generator = np.random.default_rng(0)

    def noise():
        return generator.normal(size=(3, EXAMPLES, PAIRS))

    assert sum(verdict(noise(), noise()).verdict == "reproduced" for _ in range(60)) <= 3
    own = generator.normal(size=(EXAMPLES, PAIRS)) + noise()
    assert verdict(own, noise()).verdict == "reproduced"
    assert verdict(own, own + 0.1 * noise()).verdict == "not reproduced"
