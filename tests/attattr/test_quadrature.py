from math import factorial, sqrt

import pytest
import torch
from scipy.special import roots_sh_legendre

from attattr import AttributionError
from attattr.quadrature import RULES, quadrature

# (nodes, weights), written down from the definitions of the rules.
BY_HAND = {
    ("left", 4): ([0, 1 / 4, 2 / 4, 3 / 4], [1 / 4] * 4),
    ("right", 4): ([1 / 4, 2 / 4, 3 / 4, 1], [1 / 4] * 4),
    ("midpoint", 4): ([1 / 8, 3 / 8, 5 / 8, 7 / 8], [1 / 4] * 4),
    ("trapezoid", 4): ([0, 1 / 4, 2 / 4, 3 / 4, 1], [1 / 8, 1 / 4, 1 / 4, 1 / 4, 1 / 8]),
    ("gauss_legendre", 2): ([(1 - 1 / sqrt(3)) / 2, (1 + 1 / sqrt(3)) / 2], [1 / 2, 1 / 2]),
    ("gauss_legendre", 3): ([(1 - sqrt(3 / 5)) / 2, 1 / 2, (1 + sqrt(3 / 5)) / 2], [5 / 18, 8 / 18, 5 / 18]),
    ("clenshaw_curtis", 2): ([0, 1 / 2, 1], [1 / 6, 4 / 6, 1 / 6]),
    ("clenshaw_curtis", 3): ([0, 1 / 4, 3 / 4, 1], [1 / 18, 8 / 18, 8 / 18, 1 / 18]),
    ("clenshaw_curtis", 4): (
        [0, (1 - sqrt(1 / 2)) / 2, 1 / 2, (1 + sqrt(1 / 2)) / 2, 1],
        [1 / 30, 8 / 30, 12 / 30, 8 / 30, 1 / 30],
    ),
    ("left", 1): ([0], [1]),
    ("right", 1): ([1], [1]),
    ("midpoint", 1): ([1 / 2], [1]),
    ("trapezoid", 1): ([0, 1], [1 / 2, 1 / 2]),
    ("gauss_legendre", 1): ([1 / 2], [1]),
    ("clenshaw_curtis", 1): ([0, 1], [1 / 2, 1 / 2]),
}


def integral(rule, steps, degree):
    """The rule's value for the integral of x**degree over [0, 1]."""
    nodes, weights = quadrature(rule, steps)
    return float((weights * nodes**degree).sum())


@pytest.mark.parametrize(("rule", "steps"), BY_HAND)
def test_nodes_and_weights_are_those_of_the_definition(rule, steps):
    nodes, weights = quadrature(rule, steps)
    expected_nodes, expected_weights = BY_HAND[rule, steps]
    assert nodes.tolist() == pytest.approx(expected_nodes, abs=1e-15)
    assert weights.tolist() == pytest.approx(expected_weights, abs=1e-15)
    assert nodes.dtype == weights.dtype == torch.float64


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 20, 64])
@pytest.mark.parametrize("rule", RULES)
def test_weights_are_positive_and_sum_to_one_and_nodes_rise_inside_the_interval(rule, steps):
    nodes, weights = quadrature(rule, steps)
    assert len(nodes) == len(weights) == (steps + 1 if rule in ("trapezoid", "clenshaw_curtis") else steps)
    assert float(weights.sum()) == pytest.approx(1, abs=1e-14)
    assert bool((weights > 0).all())
    assert bool((nodes.diff() > 0).all())
    assert 0 <= float(nodes[0]) <= float(nodes[-1]) <= 1


@pytest.mark.parametrize("steps", [4, 7, 20, 64])
def test_gauss_legendre_agrees_with_scipy(steps):
    nodes, weights = quadrature("gauss_legendre", steps)
    expected_nodes, expected_weights = roots_sh_legendre(steps)
    assert nodes.tolist() == pytest.approx(expected_nodes, abs=1e-14)
    assert weights.tolist() == pytest.approx(expected_weights, abs=1e-14)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6])
def test_gauss_legendre_is_exact_up_to_degree_2m_minus_1_and_off_by_its_known_error_at_2m(steps):
    for degree in range(2 * steps):
        assert integral("gauss_legendre", steps, degree) == pytest.approx(1 / (degree + 1), abs=1e-14)
    error = factorial(steps) ** 4 / ((2 * steps + 1) * factorial(2 * steps) ** 2)
    assert 1 / (2 * steps + 1) - integral("gauss_legendre", steps, 2 * steps) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("m", [1, 3, 20])
def test_the_other_rules_have_their_known_errors(m):
    assert integral("left", m, 1) - 1 / 2 == pytest.approx(-1 / (2 * m), abs=1e-14)
    assert integral("right", m, 1) - 1 / 2 == pytest.approx(1 / (2 * m), abs=1e-14)
    for rule, error in (("trapezoid", 1 / (6 * m**2)), ("midpoint", -1 / (12 * m**2))):
        assert integral(rule, m, 1) == pytest.approx(1 / 2, abs=1e-14)
        assert integral(rule, m, 2) - 1 / 3 == pytest.approx(error, abs=1e-14)


@pytest.mark.parametrize("steps", [0, -1, 2.0, True, "3", None, 10_001, 10**12])
def test_steps_that_are_no_count_are_refused_with_the_value(steps):
    with pytest.raises(AttributionError, match=f"steps is {steps!r}: it must be a whole number of at least 1"):
        quadrature("left", steps)


def test_an_unknown_rule_is_refused_with_the_list():
    with pytest.raises(AttributionError, match=r"rule is 'simpson'.*right, left, midpoint, trapezoid, gauss_legendre"):
        quadrature("simpson", 3)
