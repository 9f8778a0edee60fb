"""Quadrature rules on [0, 1]: where the path integral of attribution is sampled, and with which weights."""

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from pipeline.attattr.errors import AttributionError

Rule = Literal["right", "left", "midpoint", "trapezoid", "gauss_legendre"]
RULES: tuple[str, ...] = get_args(Rule)


def quadrature(rule: Rule, steps: int) -> tuple[Tensor, Tensor]:
    """Nodes alpha_k and weights w_k, so that the integral of f over [0, 1] is about sum_k w_k f(alpha_k).

    `right` is the paper's equation 3, `left` what its released code computes (docs/method.md, "Quadrature").
    `steps` counts nodes; for `trapezoid` it counts intervals, hence `steps + 1` nodes.

    Returns two float64 tensors, `(nodes,)` each, nodes increasing, weights summing to one.
    Raises AttributionError for an unknown rule or `steps` below 1.
    """
    if type(steps) is not int or steps < 1:
        raise AttributionError(f"steps is {steps!r}: it must be a whole number of at least 1")
    grid = np.arange(steps, dtype=np.float64)
    equal = np.full(steps, 1.0 / steps)
    match rule:
        case "right":
            nodes, weights = (grid + 1) / steps, equal
        case "left":
            nodes, weights = grid / steps, equal
        case "midpoint":
            nodes, weights = (grid + 0.5) / steps, equal
        case "trapezoid":
            nodes = np.arange(steps + 1, dtype=np.float64) / steps
            weights = np.full(steps + 1, 1.0 / steps)
            weights[[0, -1]] /= 2
        case "gauss_legendre":
            nodes, weights = np.polynomial.legendre.leggauss(steps)
            nodes, weights = (nodes + 1) / 2, weights / 2
        case _:
            raise AttributionError(f"rule is {rule!r}: it must be one of {', '.join(RULES)}")
    return torch.from_numpy(nodes), torch.from_numpy(weights)
