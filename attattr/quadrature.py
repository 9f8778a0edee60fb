"""Quadrature rules on [0, 1]: where the path integral of attribution is sampled, and with which weights."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from attattr.errors import AttributionError

Rule = Literal["right", "left", "midpoint", "trapezoid", "gauss_legendre", "clenshaw_curtis"]
RULES: tuple[str, ...] = get_args(Rule)
MOST_STEPS = 10_000  # the weights of two rules come from a matrix of so many rows and columns
LEVELS = (2, 4, 8)  # steps of "auto" before it refines


def quadrature(rule: Rule, steps: int) -> tuple[Tensor, Tensor]:
    """Nodes alpha_k and weights w_k, so that the integral of f over [0, 1] is about sum_k w_k f(alpha_k).

    `right` is the paper's formula, `left` what its released code computes (docs/method.md, "Quadrature").
    `steps` counts nodes; for `trapezoid` and `clenshaw_curtis` it counts intervals, hence `steps + 1` nodes.

    Returns two float64 tensors, `(nodes,)` each, nodes increasing, weights summing to one.
    Raises AttributionError for an unknown rule, and for `steps` below 1 or above 10,000.
    """
    if type(steps) is not int or not 1 <= steps <= MOST_STEPS:
        raise AttributionError(
            f"steps is {steps!r}: it must be a whole number of at least 1 and at most {MOST_STEPS:,}"
        )
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


def interpolatory(nodes: Tensor) -> Tensor:
    """Weights that integrate, between the first and the last of them, the polynomial through the nodes.

    `nodes` are float64, `(..., node)`, increasing; so are the weights returned.
    """
    first, width = nodes[..., :1], nodes[..., -1:] - nodes[..., :1]
    powers = torch.arange(nodes.shape[-1], dtype=nodes.dtype, device=nodes.device)
    at_nodes = (2 * (nodes - first) / width - 1)[..., None, :] ** powers[:, None]
    integrals = torch.where(powers % 2 == 0, 2 / (powers + 1), 0.0).expand(nodes.shape)
    return torch.linalg.solve(at_nodes, integrals[..., None])[..., 0] * width / 2


@dataclass(frozen=True)
class Schedule:
    """Nodes in the order in which they are evaluated, and the estimates that can be made on the way.

    The first `counts[level]` nodes, with `weights[level]`, are one rule, of `steps[level]` steps. Where these do not
    suffice the path may be refined, up to `max_steps`; None for a fixed number of steps.
    """

    nodes: Tensor  # (nodes,), float64
    weights: Tensor  # (level, nodes), float64; zero for nodes that the level does not use
    counts: tuple[int, ...]
    steps: tuple[int, ...]
    max_steps: int | None


def schedule(rule: Rule, steps: int | Literal["auto"], *, max_steps: int) -> Schedule:
    """One level for a whole number of `steps`; for "auto" 2, 4 and 8, of which each keeps the nodes of those before.

    Raises AttributionError for bad `steps`, an unknown rule or, with "auto", for one that keeps no nodes, and for
    `max_steps` below 4, which leaves nothing to compare.
    """
    if steps != "auto":
        if isinstance(steps, str):
            raise AttributionError(f"steps is {steps!r}: it must be a whole number of at least 1, or 'auto'")
        nodes, weights = quadrature(rule, steps)
        return Schedule(nodes, weights[None], (len(nodes),), (steps,), None)
    if type(max_steps) is not int or max_steps < LEVELS[1]:
        raise AttributionError(f"max_steps is {max_steps!r}: it must be a whole number of at least {LEVELS[1]}")
    if rule in RULES and rule != "clenshaw_curtis":
        raise AttributionError(f"rule is {rule!r}, whose steps do not refine each other: give a number of steps")
    levels = tuple(count for count in LEVELS if count <= max_steps)
    finest, _ = quadrature(rule, levels[-1])
    # Every second node is of the level before, and so on down.
    order = sorted(range(len(finest)), key=lambda place: (min(n for n in levels if place * n % levels[-1] == 0), place))
    table = torch.zeros(len(levels), len(finest), dtype=torch.float64)
    for level, count in enumerate(levels):
        table[level, :: levels[-1] // count] = quadrature(rule, count)[1]
    counts = tuple(count + 1 for count in levels)
    return Schedule(finest[order], table[:, order], counts, levels, max_steps)
