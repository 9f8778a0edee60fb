import numpy as np
import pytest

from pipeline.analysis.curves import area_between, auc, normalised_auc, r_star
from pipeline.errors import InputError

RATES = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def test_area_between_is_the_mean_gap():
    assert area_between([0.9, 0.8, 0.5], [0.9, 0.2, 0.5]) == pytest.approx(0.2)
    assert area_between([0.3, 0.4], [0.3, 0.4]) == 0


def test_auc_is_exact_for_a_line_on_an_uneven_grid():
    rates = np.array([0.0, 0.05, 0.3, 0.9, 1.0])
    assert auc(list(rates), 0.9 - 0.4 * rates) == pytest.approx(0.9 - 0.2)


def test_auc_weighs_a_step_by_its_width():
    assert auc([0.0, 0.2, 1.0], [1.0, 1.0, 0.0]) == pytest.approx(0.2 + 0.4)


def test_areas_and_aucs_per_example_average_to_those_of_the_curve():
    correct = np.random.default_rng(0).random((40, len(RATES))) < 0.7
    other = np.random.default_rng(1).random((40, len(RATES))) < 0.5
    assert auc(RATES, correct).shape == (40,)
    assert auc(RATES, correct).mean() == pytest.approx(auc(RATES, correct.mean(axis=0)))
    assert area_between(correct, other).mean() == pytest.approx(area_between(correct.mean(axis=0), other.mean(axis=0)))


@pytest.mark.parametrize("rates", [[0.0, 0.5], [0.0, 0.5, 1.0]])
def test_normalised_auc_is_one_without_loss_and_zero_at_the_majority(rates):
    assert normalised_auc(rates, [0.9] * len(rates), majority=0.5, n=1_000) == pytest.approx(1)
    # Straight down to the majority class: half way between the two, whatever the largest rate is.
    line = np.linspace(0.9, 0.5, len(rates))
    assert normalised_auc(rates, list(line), majority=0.5, n=1_000) == pytest.approx(0.5)


def test_normalised_auc_needs_three_standard_errors_over_the_majority():
    # 0.8 over 64 examples: one standard error is 0.05.
    assert normalised_auc([0.0, 1.0], [0.8, 0.6], majority=0.66, n=64) is None
    assert normalised_auc([0.0, 1.0], [0.8, 0.6], majority=0.64, n=64) is not None
    # A model below the majority class has nothing to normalise by.
    assert normalised_auc([0.0, 1.0], [0.5, 0.5], majority=0.6, n=10_000) is None


def test_r_star_takes_the_largest_rate_even_after_a_dip():
    assert r_star([0.0, 0.1, 0.2, 0.3], [0.90, 0.80, 0.895, 0.5]) == 0.2
    assert r_star([0.0, 0.1, 0.2], [0.9, 0.5, 0.4]) == 0
    assert r_star(RATES, [0.9] * 11) == 1


def test_r_star_counts_a_drop_of_exactly_one_point():
    # Three of 300 examples are one point, but the subtraction rounds up.
    assert 152 / 300 - 0.01 > 149 / 300
    assert r_star([0.0, 0.1], [152 / 300, 149 / 300]) == 0.1
    assert r_star([0.0, 0.1], [152 / 300, 148 / 300]) == 0
    assert r_star([0.0, 0.1], [0.58, 0.54], drop=0.05) == 0.1


@pytest.mark.parametrize("rates", [[0.1, 0.2], [0.0, 0.2, 0.2], [0.0, 0.5, 0.3], [0.0]])
def test_rates_that_do_not_increase_from_zero_are_refused(rates):
    with pytest.raises(InputError, match="start at 0 and increase"):
        auc(rates, [0.5] * len(rates))


def test_lengths_that_differ_are_refused():
    with pytest.raises(InputError, match="2 pruning rates"):
        r_star([0.0, 1.0], [0.5, 0.5, 0.5])
    with pytest.raises(InputError, match="differ in shape"):
        area_between([0.5], [0.5, 0.5])
