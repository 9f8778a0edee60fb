"""Ratios and the least of several models against closed forms and brute force."""

import numpy as np
import pytest
from scipy import stats

from pipeline.analysis.derived import least_of, ratio_of_means
from pipeline.analysis.estimates import crossed


def ends(estimate, **level):
    interval = estimate.interval(**level)
    return interval.low, interval.high


def drawn(seed, *, shape=(3, 60), below=3.0, noise=0.2):
    generator = np.random.default_rng(seed)
    denominator = below + generator.normal(size=shape) + noise * generator.normal(size=(shape[0], 1))
    return 0.7 * denominator + generator.normal(size=shape), denominator


@pytest.mark.parametrize("n", [20, 4000])
def test_with_one_model_the_interval_is_fiellers(n):
    above, below = (one[0] for one in drawn(0, shape=(1, n)))
    found = ratio_of_means(above[None], below[None])
    assert found.value == pytest.approx(above.mean() / below.mean())
    covariance, t = np.cov(above, below) / n, stats.t.ppf(0.975, n - 1)
    a, b = below.mean() ** 2 - t**2 * covariance[1, 1], above.mean() * below.mean() - t**2 * covariance[0, 1]
    root = np.sqrt(b**2 - a * (above.mean() ** 2 - t**2 * covariance[0, 0]))
    assert ends(found) == pytest.approx(((b - root) / a, (b + root) / a))
    assert (found.replicates, found.n, found.holds) == (1, n, "this model")


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_ends_where_the_verdict_turns(seed):
    found = ratio_of_means(*drawn(seed))
    for level in (0.95, 0.99):
        low, high = ends(found, level=level)
        assert found.p_above(low) == pytest.approx((1 - level) / 2)
        assert found.p_below(high) == pytest.approx((1 - level) / 2)


def test_a_limit_is_asked_as_a_mean():
    above, below = drawn(5)
    found, asked = ratio_of_means(above, below, step=0.5), crossed(above - 0.4 * below, step=0.5)
    assert (found.p_above(0.4), found.p_below(0.4)) == (asked.p_above(0), asked.p_below(0))


def test_a_ratio_to_what_may_be_zero_has_no_ends_but_may_be_decided():
    """A numerator that is far above zero is more than half of a denominator which may be anything near zero."""
    above, below = drawn(1, below=0.2, noise=0.3)
    found = ratio_of_means(above + 9, below)
    assert found.interval() is None
    assert found.p_above(0.5) < 0.001


def test_a_ratio_to_what_is_not_above_zero_is_none():
    below = np.array([[1.0, -1.0, 0.5, -0.6]])
    assert ratio_of_means(np.ones((1, 4)), below) is None


def test_the_least_of_these_models():
    rows = np.random.default_rng(2).normal(size=(3, 50)) + np.array([[0.0], [-1.0], [2.0]])
    found = least_of(rows)
    assert found.value == pytest.approx(rows[1].mean())
    each = [stats.ttest_1samp(row, -2.0, alternative="greater").pvalue for row in rows]
    assert found.p_above(-2.0) == pytest.approx(max(each))
    each = [stats.ttest_1samp(row, -0.5, alternative="less").pvalue for row in rows]
    assert found.p_below(-0.5) == pytest.approx(min(1.0, 3 * min(each)))
    low = min(stats.t.interval(0.95, 49, loc=row.mean(), scale=stats.sem(row))[0] for row in rows)
    high = min(stats.t.interval(1 - 0.05 / 3, 49, loc=row.mean(), scale=stats.sem(row))[1] for row in rows)
    assert ends(found) == pytest.approx((low, high))
    assert found.holds == "examples"
