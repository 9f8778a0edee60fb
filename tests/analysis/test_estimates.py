"""Estimates against closed forms, brute force, and data in which the truth is known."""

import numpy as np
import pytest
from scipy import stats

from pipeline.analysis.estimates import MeanEstimate, Part, changes, crossed, over_examples, over_replicates
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
    found, (of_rows, of_columns, rest) = crossed(table, step=100), mean_squares(table)
    models, examples, unseen = of_rows / 600, max(of_columns - rest, 0) / 600, 3 * (100 / 200) ** 2
    assert found.error**2 == pytest.approx(models + examples + unseen)
    t, z = stats.t.ppf(0.975, [2, 199]), stats.norm.ppf(0.975)
    half = np.sqrt(t[0] ** 2 * models + t[1] ** 2 * examples + z**2 * unseen)
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


@pytest.mark.parametrize(
    "found",
    [crossed(np.full((3, 20), 2.0)), crossed(np.full((1, 20), 0.1 + 0.2 - 0.3)), over_replicates([1.0, 1.0, 1.0])],
)
def test_what_never_varied_tells_nothing(found):
    assert (found.interval(), found.error, found.holds) == (None, None, None)
    assert (found.p_above(-9), found.p_below(9)) == (1, 1)


def test_a_constant_sample_with_a_step_is_no_certainty():
    """30 examples without any change do not show that fewer than one in a hundred changes, but 4,000 do."""
    assert crossed(np.zeros((3, 30)), step=50).p_above(-1) > 0.1
    assert crossed(np.zeros((3, 4000)), step=50).p_above(-1) < 0.001


def test_over_these_very_models_examples_alone_vary():
    """However unlike the models are, the interval is that of the examples' means."""
    generator = np.random.default_rng(1)
    table = generator.normal(size=(3, 40)) + 100 * generator.normal(size=(3, 1))
    found, means = over_examples(table), table.mean(axis=0)
    assert ends(found) == pytest.approx(stats.t.interval(0.95, 39, loc=means.mean(), scale=stats.sem(means)))
    assert (found.replicates, found.n, found.holds) == (3, 40, "examples")


def test_changes_are_of_examples_that_differ_in_some_model():
    assert changes(np.array([[0.0, 0, 1, 0], [0, 2, 0, 0]])) == (2, 2)
    assert changes(np.arange(12.0).reshape(3, 4))[0] == 4


def test_where_most_examples_are_alike_the_others_tell_the_step():
    """Without a step of its own a mean of few changes is as wide as with the one that they show."""
    table = np.full((3, 60), 2.0)
    table[:, :7] += 5.0
    assert crossed(table).error == pytest.approx(crossed(table, step=5).error)
    assert crossed(np.arange(60.0)[None]).error == pytest.approx(stats.sem(np.arange(60.0)))


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
    assert MeanEstimate(1.0, None, 1, 5).holds is None
    assert MeanEstimate(1.0, (Part("models", 0.01, 2),), 3, None).holds == "models"


def test_examples_that_differ_by_rounding_are_alike():
    """Passes in float32 end some 1e-7 beside each other."""
    generator = np.random.default_rng(4)
    table = 0.3 + 1e-7 * generator.normal(size=(3, 40))
    table[:, :2] += 0.5
    assert changes(table)[0] == 2
    assert changes(table)[1] == pytest.approx(0.5, rel=1e-3)
    exact = np.round(table, 3)
    assert crossed(table).half_width(0.025) == pytest.approx(crossed(exact).half_width(0.025), rel=1e-3)
