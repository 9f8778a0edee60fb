import numpy as np
import pytest
from scipy.stats import binomtest

from pipeline.analysis.intervals import (
    Interval,
    quantiles,
    standard_error,
    wilson_interval,
)
from pipeline.errors import InputError


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (1, 1), (0, 50), (50, 50), (200, 277), (9_000, 9_815)])
def test_wilson_agrees_with_scipy(correct, n):
    expected = binomtest(correct, n).proportion_ci(confidence_level=0.95, method="wilson")
    low, high = wilson_interval(correct, n)
    assert (float(low), float(high)) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_half_in_closed_form():
    # At p = 1/2 the interval is 1/2 -+ z / (2 sqrt(n + z^2)).
    z = 1.959963984540054
    low, high = wilson_interval(50, 100)
    assert float(high) - 0.5 == pytest.approx(z / (2 * np.sqrt(100 + z**2)), abs=1e-12)
    assert float(low) == pytest.approx(1 - float(high), abs=1e-12)


def test_wilson_is_vectorised_and_stays_inside_the_unit_interval():
    n = np.array([1, 7, 1_000])
    low, high = wilson_interval(np.stack([0 * n, n]), n)
    assert low.shape == high.shape == (2, 3)
    assert (low[0] == 0).all()
    assert (high[1] == 1).all()
    assert ((low >= 0) & (low < high) & (high <= 1)).all()


@pytest.mark.parametrize(("correct", "n"), [(3, 2), (-1, 2), (0, 0)])
def test_wilson_refuses_impossible_counts(correct, n):
    with pytest.raises(InputError, match="0 <= correct <= n"):
        wilson_interval(correct, n)


def test_standard_error_of_known_task_sizes():
    # RTE's dev split has 277 examples; at 68 % one standard error is 2.8 points.
    assert 100 * standard_error(0.68, 277) == pytest.approx(2.80, abs=0.01)
    assert standard_error(1.0, 10) == 0


def test_every_interval_is_rounded_where_it_is_made_however_it_is_made():
    rounding = 0.1 + 0.2 - 0.3
    for found in (
        Interval(-rounding, rounding, 1 / 3),
        Interval.of({"value": -rounding / 100, "low": rounding / 100, "high": 1 / 300}, 100),
    ):
        assert (found.value, found.low, found.high) == (0.0, 0.0, 0.333333333333)
        assert np.copysign(1, found.value) == 1  # no minus zero, which a table would show
    # What is far smaller than any accuracy, but no rounding error, stays.
    assert Interval(1e-9, 1e-9, 1e-9).low == 1e-9


def test_quantiles_by_hand():
    expected = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
    assert quantiles([1.0, 0.0, 0.25, 0.75, 0.5]) == pytest.approx(expected)
    assert quantiles([]) == dict.fromkeys(expected)
