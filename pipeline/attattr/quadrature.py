"""Quadrature rules on [0, 1]: where the path integral of attribution is sampled, and with which weights."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from pipeline.attattr.errors import AttributionError

Rule = Literal["right", "left", "midpoint", "trapezoid", "gauss_legendre", "clenshaw_curtis"]
RULES: tuple[str, ...] = get_args(Rule)


def quadrature(rule: Rule, steps: int) -> tuple[Tensor, Tensor]:
    """Nodes alpha_k and weights w_k, so that the integral of f over [0, 1] is about sum_k w_k f(alpha_k).

    `right` is the paper's formula, `left` what its released code computes (docs/method.md, "Quadrature").
    `steps` counts nodes; for `trapezoid` and `clenshaw_curtis` it counts intervals, hence `steps + 1` nodes.

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
        case "clenshaw_curtis":
            nodes, weights = _clenshaw_curtis(steps)
        case _:
            raise AttributionError(f"rule is {rule!r}: it must be one of {', '.join(RULES)}")
    return torch.from_numpy(nodes), torch.from_numpy(weights)


def _clenshaw_curtis(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The extrema of a Chebyshev polynomial; the weights integrate the polynomial through the values there."""
    # Halving is exact, so that a node has the same bits in the rule of twice the steps.
    angles = np.arange(steps + 1) / (2 * steps) * np.pi
    nodes = np.sin(angles) ** 2
    waves = np.arange(1, steps // 2 + 1)
    terms = np.where(2 * waves == steps, 1.0, 2.0) / (4.0 * waves**2 - 1)
    weights = (1 - np.cos(4 * angles[:, None] * waves) @ terms) / steps
    weights[[0, -1]] /= 2
    return nodes, weights


@dataclass(frozen=True)
class Schedule:
    """Nodes in the order in which they are evaluated, and the estimates that can be made on the way.

    The first `counts[level]` nodes, with `weights[level]`, are one rule, of `steps[level]` steps.
    """

    nodes: Tensor  # (nodes,), float64
    weights: Tensor  # (level, nodes), float64; zero for nodes that the level does not use
    counts: tuple[int, ...]
    steps: tuple[int, ...]


def schedule(rule: Rule, steps: int | Literal["auto"], *, max_steps: int) -> Schedule:
    """One level for a whole number of `steps`; for "auto" 2, 4, 8, ... up to `max_steps`, sharing equal nodes.

    A level of `clenshaw_curtis` or `trapezoid` keeps all nodes of the level before.
    Raises AttributionError for bad `steps`, an unknown rule, or `max_steps` below 4, which leaves nothing to compare.
    """
    if steps != "auto" and isinstance(steps, str):
        raise AttributionError(f"steps is {steps!r}: it must be a whole number of at least 1, or 'auto'")
    if steps == "auto" and (type(max_steps) is not int or max_steps < 4):
        raise AttributionError(f"max_steps is {max_steps!r}: it must be a whole number of at least 4")
    doubled = [2**power for power in range(1, max_steps.bit_length()) if 2**power <= max_steps]
    levels = doubled if steps == "auto" else [steps]
    place: dict[float, int] = {}
    counts, rules = [], []
    for count in levels:
        nodes, weights = quadrature(rule, count)
        for node in nodes.tolist():
            place.setdefault(node, len(place))
        counts.append(len(place))
        rules.append(dict(zip(nodes.tolist(), weights.tolist(), strict=True)))
    table = torch.zeros(len(levels), len(place), dtype=torch.float64)
    for level, weights in enumerate(rules):
        for node, weight in weights.items():
            table[level, place[node]] = weight
    return Schedule(torch.tensor(list(place), dtype=torch.float64), table, tuple(counts), tuple(levels))
