"""Estimates against closed forms, brute force, and data in which the truth is known."""

import numpy as np
import pytest
from scipy import stats

from pipeline.analysis.estimates import Estimate, Part, crossed, holm, over_replicates, ratio_of_means
from pipeline.errors import InputError


def mean_squares(table):
    """Of the two-way table without repetition, by its definition, cell by cell."""
    count, n = table.shape
    mean = sum(table[s, e] for s in range(count) for e in range(n)) / (count * n)
    rows = [sum(table[s]) / n for s in range(count)]
    columns = [sum(table[:, e]) / count for e in range(n)]
    of_rows = n * sum((row - mean) ** 2 for row in rows) / (count - 1)
    of_columns = count * sum((column - mean) ** 2 for column in columns) / (n - 1)
    rest = sum((table[s, e] - rows[s] - columns[e] + mean) ** 2 for s in range(count) for e in range(n))
    return of_rows, of_columns, rest / ((count - 1) * (n - 1))


def ends(estimate):
    interval = estimate.interval()
    return interval.low, interval.high


@pytest.mark.parametrize("seed", range(5))
def test_the_crossed_interval_by_brute_force(seed):
    generator = np.random.default_rng(seed)
    count, n = 4, 7
    table = generator.normal(size=(count, n)) + generator.normal(size=(count, 1)) * seed + generator.normal(size=(1, n))
    of_rows, of_columns, rest = mean_squares(table)
    models, examples = of_rows / (count * n), max(of_columns - rest, 0) / (count * n)
    found = crossed(table)
    assert (found.replicates, found.n, found.holds) == (count, n, "models and examples")
    assert found.value == pytest.approx(table.mean())
    assert found.error == pytest.approx(np.sqrt(models + examples))
    for level in (0.8, 0.95, 0.999):
        quantiles = stats.t.ppf((1 + level) / 2, [count - 1, n - 1])
        half = np.sqrt(quantiles[0] ** 2 * models + quantiles[1] ** 2 * examples)
        assert found.interval(level=level).high - found.value == pytest.approx(half)
        assert found.p_above(found.value - half) == pytest.approx((1 - level) / 2)
        assert found.p_above(found.value + half) == pytest.approx((1 + level) / 2)


def test_one_replicate_is_a_t_interval_over_its_examples():
    values = np.array([1.0, 4.0, 2.0, 9.0])
    found = crossed(values[None])
    assert ends(found) == pytest.approx(stats.t.interval(0.95, 3, loc=4.0, scale=stats.sem(values)))
    assert found.holds == "this model"


def test_where_models_alone_differ_it_is_the_t_interval_over_them():
    found = crossed(np.repeat([[1.0], [2.0], [6.0]], 50, axis=1))
    assert ends(found) == pytest.approx(stats.t.interval(0.95, 2, loc=3.0, scale=stats.sem([1.0, 2.0, 6.0])))


def test_where_examples_alone_differ_it_is_the_t_interval_over_them():
    row = np.arange(10.0)
    found = crossed(np.repeat(row[None], 3, axis=0))
    assert ends(found) == pytest.approx(stats.t.interval(0.95, 9, loc=4.5, scale=stats.sem(row)))


def test_examples_that_might_have_changed_widen_the_interval():
    """Without any change about 3 / n of a step to either side: as the rule of three says for one side."""
    for count in (1, 3):
        expected = stats.norm.ppf(0.975) * np.sqrt(3) / 3
        assert ends(crossed(np.zeros((count, 300)), step=100)) == pytest.approx((-expected, expected))
    generator = np.random.default_rng(0)
    table = 100.0 * (generator.random((3, 200)) < 0.02)
    without, found = crossed(table), crossed(table, step=100)
    assert found.error**2 == pytest.approx(without.error**2 + 3 * (100 / 200) ** 2)
    half = np.hypot(ends(without)[1] - without.value, stats.norm.ppf(0.975) * np.sqrt(3) * 100 / 200)
    assert ends(found)[1] - found.value == pytest.approx(half)
    rare = np.zeros((1, 400))
    rare[0, :2] = 100
    error = np.sqrt(rare.var(ddof=1) / 400 + 3 * (100 / 400) ** 2)
    assert crossed(rare, step=100).error == pytest.approx(error)


def test_p_values_agree_with_the_interval_and_with_a_t_test():
    values = np.array([0.3, 1.2, 0.8, 2.0, 0.1])
    found = over_replicates(values)
    assert found.p_above(0) == pytest.approx(stats.ttest_1samp(values, 0, alternative="greater").pvalue)
    assert found.p_below(0) == pytest.approx(stats.ttest_1samp(values, 0, alternative="less").pvalue)
    interval = found.interval()
    assert found.p_above(interval.low) == pytest.approx(0.025)
    assert found.p_below(interval.high) == pytest.approx(0.025)
    assert found.holds == "models"


def test_without_any_spread_only_the_side_counts():
    found = crossed(np.full((3, 20), 2.0))
    assert (found.p_above(1.9), found.p_above(2.0), found.p_below(2.0), found.p_below(2.1)) == (0, 1, 1, 0)


def test_a_rounding_error_is_on_no_side():
    # 0.1 + 0.2 - 0.3 is 5.6e-17.
    found = crossed(np.full((3, 20), 0.1 + 0.2 - 0.3))
    assert (found.value, found.error, found.p_above(0), found.p_below(0)) == (0, 0, 1, 1)


@pytest.mark.parametrize("size", [0.0, 1e-200, 1e-160, 1e-80])
def test_values_that_hardly_vary_are_no_trouble(size):
    found = crossed(size * np.arange(15.0).reshape(3, 5), step=1)
    assert np.isfinite(ends(found)).all()
    assert 0 < found.p_above(-0.1) < found.p_above(0.1) < 1
    assert found.error == pytest.approx(np.sqrt(3) / 5)


def test_a_single_value_has_no_interval():
    for found in (over_replicates([0.4]), crossed([[0.4]])):
        assert (found.value, found.interval(), found.holds) == (0.4, None, None)
        assert (found.p_above(0), found.p_below(1)) == (1, 1)


def test_a_ratio_of_means_against_fieller():
    """With one replicate and many examples the linearised interval is close to Fieller's exact one."""
    generator = np.random.default_rng(0)
    below = generator.normal(2.0, 0.5, size=4000)
    above = 0.7 * below + generator.normal(0, 0.3, size=4000)
    found = ratio_of_means(above[None], below[None])
    ratio = above.mean() / below.mean()
    assert found.value == pytest.approx(ratio)
    covariance = np.cov(above, below) / 4000
    t = stats.t.ppf(0.975, 3999)
    a, b = below.mean() ** 2 - t**2 * covariance[1, 1], above.mean() * below.mean() - t**2 * covariance[0, 1]
    root = np.sqrt(b**2 - a * (above.mean() ** 2 - t**2 * covariance[0, 0]))
    interval = found.interval()
    assert (interval.low, interval.high) == pytest.approx(((b - root) / a, (b + root) / a), abs=1e-4)


def test_a_ratio_to_what_may_be_zero_is_none():
    below = np.array([[1.0, -1.0, 0.5, -0.4]])
    assert ratio_of_means(np.ones((1, 4)), below) is None
    assert ratio_of_means(np.ones((1, 4)), below - 9).value == pytest.approx(-1 / (9 - 0.025))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5]) == [0.5]
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_shapes_are_checked():
    with pytest.raises(InputError, match="replicate, example"):
        crossed(np.zeros(3))
    with pytest.raises(InputError, match="one value per replicate"):
        over_replicates([])


@pytest.mark.parametrize("p", [0.05, 0.025, 0.05 / 6])
@pytest.mark.parametrize(("count", "n"), [(3, 60), (5, 400)])
@pytest.mark.parametrize(("models", "examples"), [(0, 0), (1, 0), (0, 1), (1, 1), (0.05, 0.3)])
def test_the_interval_misses_the_truth_in_few_cases(count, n, models, examples, p):
    """Variances of models and examples beside a rest of 1; also far out, where Holm's method looks."""
    generator, draws = np.random.default_rng(1), 600
    wrong = np.zeros(2)
    for _ in range(draws):
        table = generator.normal(size=(count, n)) + np.sqrt(models) * generator.normal(size=(count, 1))
        found = crossed(table + np.sqrt(examples) * generator.normal(size=(1, n)))
        wrong += found.p_above(0) <= p, found.p_below(0) <= p
    assert (wrong / draws <= p + 3 * np.sqrt(p * (1 - p) / draws)).all()


def test_an_estimate_says_what_it_holds():
    assert Estimate(1.0, None, 1, 5).holds is None
    assert Estimate(1.0, (Part(0.01, 2),), 3, None).holds == "models"
