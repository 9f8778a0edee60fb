import numpy as np
import pytest

from pipeline.analysis.intervals import bootstrap_mean
from pipeline.analysis.resamples import interval_of, ratio, resampled_sums


def test_the_first_value_is_the_statistic_and_the_others_give_its_interval():
    interval = interval_of(np.array([7.0, *range(101)]))
    assert (interval.value, interval.low, interval.high) == pytest.approx((7, 2.5, 97.5))


def test_undefined_resamples_are_left_out_and_an_undefined_statistic_has_no_interval():
    some = interval_of(np.array([0.5, np.nan, 0, 1, np.nan]))
    assert (some.low, some.high) == pytest.approx((0.025, 0.975))
    assert interval_of(np.array([np.nan, 0.0, 1.0])) is None
    assert interval_of(np.array([1.0, np.nan])) is None


def test_sums_are_over_all_examples_and_then_over_whole_examples_drawn_anew():
    values = np.array([[[1.0, 10.0]], [[2.0, 20.0]], [[4.0, 40.0]]])  # (example, 1, 2)
    sums = resampled_sums(values, draws=600, seed=0)
    assert sums.shape == (601, 1, 2)
    assert sums[0].tolist() == [[7, 70]]
    np.testing.assert_allclose(sums[..., 1], 10 * sums[..., 0])
    # Three draws from {1, 2, 4}.
    possible = {a + b + c for a in (1, 2, 4) for b in (1, 2, 4) for c in (1, 2, 4)}
    assert set(sums[1:, 0, 0].tolist()) == possible
    np.testing.assert_array_equal(sums, resampled_sums(values, draws=600, seed=0))
    assert (sums != resampled_sums(values, draws=600, seed=1)).any()


def test_a_mean_by_resampled_sums_has_the_interval_of_the_bootstrap_of_a_mean():
    values = np.random.default_rng(0).normal(size=400)
    ours = interval_of(resampled_sums(values[:, None], draws=4000, seed=0)[:, 0] / 400)
    expected = bootstrap_mean(values, draws=4000, seed=1)
    assert ours.value == pytest.approx(expected.value)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=0.1 * values.std() / 20)


def test_ratio_is_undefined_over_zero():
    np.testing.assert_array_equal(ratio(np.array([1.0, 0.0]), np.array([0.0, 2.0])), [np.nan, 0])
    assert ratio(np.ones((2, 3)), np.ones((2, 1))).shape == (2, 3)
