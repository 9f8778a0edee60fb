"""Measures of agreement: by hand and by scikit-learn, and what they say of noise."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline.measuring.agreement import agreement, largest, rank_correlation


@pytest.mark.parametrize("seed", range(5))
def test_agreement_against_scikit_learn(seed):
    generator = np.random.default_rng(seed)
    effects = generator.normal(size=(2, 3, 4)) * (generator.random((2, 3, 4)) < 0.5)
    scores = np.round(effects + generator.normal(size=effects.shape), 1)  # with ties
    found = agreement(scores, effects, top_k=5, share=0.25)
    matters = np.argsort(np.argsort(-np.abs(effects).ravel())) < 6
    assert found["auroc"] == pytest.approx(roc_auc_score(matters, np.abs(scores).ravel()))
    assert found["average_precision"] == pytest.approx(average_precision_score(matters, np.abs(scores).ravel()))
    assert found["spearman"] == pytest.approx(spearmanr(scores, effects, axis=None).statistic)


def test_agreement_by_hand():
    effects = np.array([3.0, -2.0, 0.0, 1.0, 0.0])
    perfect = agreement(effects, effects, top_k=2, share=0.6)
    assert perfect == {"precision": 1, "spearman": 1, "auroc": 1, "average_precision": 1}
    opposite = agreement(-effects, effects, top_k=2, share=0.6)
    # The sizes are right, the signs are not.
    assert (opposite["auroc"], opposite["spearman"], opposite["precision"]) == (1, -1, 0)
    nothing = agreement(effects, np.zeros(5), top_k=2, share=0.6)
    assert (nothing["auroc"], nothing["average_precision"]) == (0.5, 0)


@pytest.mark.parametrize(
    ("effects", "share", "expected"),
    [
        ([3, -5, 1, 2], 0.5, [True, True, False, False]),
        ([3, -5, 1, 2], 0.01, [False, True, False, False]),  # one at least
        ([3, -5, 1, 2], 0.99, [True, True, False, True]),  # all but one at most
        ([2, -5, 2, 1], 0.5, [False, True, False, False]),  # of two equal ones neither
        ([0, 4, 0, 0], 0.5, [False, True, False, False]),  # what has no effect does not matter
        ([0, 0, 0, 0], 0.5, [False] * 4),
        ([2], 0.5, [False]),
    ],
)
def test_those_that_matter_exceed_all_others(effects, share, expected):
    assert largest(np.array(effects, np.float64), share=share).tolist() == expected


def test_noise_agrees_with_nothing():
    generator = np.random.default_rng(0)
    effects = generator.normal(size=400) * (generator.random(400) < 0.3)
    found = [agreement(generator.random(400), effects, top_k=40, share=0.1) for _ in range(300)]
    means = {name: np.mean([one[name] for one in found]) for name in found[0]}
    assert means["auroc"] == pytest.approx(0.5, abs=0.01)
    assert means["spearman"] == pytest.approx(0, abs=0.01)
    assert means["precision"] == pytest.approx(0.1, abs=0.01)
    assert means["average_precision"] == pytest.approx(0.1, abs=0.03)


def test_rank_correlation_of_noise_and_of_nothing():
    generator = np.random.default_rng(0)
    values = [rank_correlation(*generator.normal(size=(2, 3, 4, 5))) for _ in range(300)]
    assert np.mean(values) == pytest.approx(0, abs=0.03)
    assert rank_correlation(np.arange(6.0), np.arange(6.0) ** 3) == pytest.approx(1)
    assert rank_correlation(np.zeros(4), np.arange(4.0)) == 0
