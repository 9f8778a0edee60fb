"""Refinement of path integrals where the output turns too sharply for one rule (docs/method.md, "A stated error")."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from attattr.quadrature import interpolatory

# Of paths and an alpha for each: F and its gradient, which is zero where the path knows it without.
Integrand = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
# Of paths, the weighted sums of their gradients and the weights of alpha = 1: scores `(path, ...)`.
Assemble = Callable[[Tensor, Tensor, Tensor], Tensor]

NODES = 5  # of a panel
FLOOR = 1e-4  # in the unit of F. Where scores are smaller altogether, errors are compared with it instead.


@dataclass(frozen=True)
class Panels:
    """Pieces of paths with the integrand at five nodes each, their scores and how far these may be off."""

    path: Tensor  # (panel,), whose piece
    alphas: Tensor  # (panel, node), float64, increasing
    outputs: Tensor  # (panel, node), F
    gradients: Tensor  # (panel, node, ...)
    scores: Tensor  # (panel, ..., head, query, key)
    errors: Tensor  # (panel,), in the unit of F

    @classmethod
    def measured(cls, path: Tensor, alphas: Tensor, outputs: Tensor, gradients: Tensor, assemble: Assemble) -> Self:
        """Scores by all five nodes; their error is the change from three, or what they fail to explain of F."""

        def estimate(every: int) -> Tensor:
            weights = interpolatory(alphas[:, ::every])
            end = (weights * (alphas[:, ::every] == 1)).sum(dim=1)
            total = torch.einsum("pk,pk...->p...", weights.to(gradients), gradients[:, ::every])
            return assemble(path, total, end.to(gradients))

        scores = estimate(1)
        change = (scores - estimate(2)).flatten(1).abs().sum(dim=1)
        gap = (scores.flatten(1).sum(dim=1) - (outputs[:, -1] - outputs[:, 0])).abs()
        return cls(path, alphas, outputs, gradients, scores, torch.maximum(change, gap))

    def __getitem__(self, chosen: Tensor) -> Self:
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def __add__(self, other: Self) -> Self:
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return type(self)(*(torch.cat(pair) for pair in pairs))

    def halves(self, integrand: Integrand, assemble: Assemble) -> Self:
        """Every panel cut in two at its middle node: two new nodes for each half, halfway between those it has."""
        between = (self.alphas[:, 1:] + self.alphas[:, :-1]) / 2
        f, gradients = integrand(self.path.repeat_interleave(NODES - 1), between.flatten())
        return self.measured(
            self.path.repeat(2),
            _halved(self.alphas, between),
            _halved(self.outputs, f.view(between.shape)),
            _halved(self.gradients, gradients.unflatten(0, between.shape)),
            assemble,
        )


@dataclass(frozen=True)
class Refined:
    """The integrals, how many nodes they took, and how far they may be off, relative to their absolute sum."""

    scores: Tensor  # (path, ..., head, query, key)
    nodes: Tensor  # (path,)
    error: Tensor  # (path,)


def refine(panels: Panels, integrand: Integrand, assemble: Assemble, *, tolerance: float, max_nodes: int) -> Refined:
    """Bisect, on every path, the panels with the largest errors until all errors together are within the tolerance.

    `panels` holds, in order, equally many panels of each path. The nodes of a path end at `max_nodes`.
    """
    paths = int(panels.path[-1]) + 1
    nodes = torch.full((paths,), len(panels.path) // paths * (NODES - 1) + 1, device=panels.path.device)
    result = Refined(torch.zeros_like(panels.scores[:paths]), nodes, torch.zeros_like(panels.errors[:paths]))
    while True:
        scores = torch.zeros_like(result.scores).index_add_(0, panels.path, panels.scores)
        size = scores.flatten(1).abs().sum(dim=1).clamp(min=FLOOR)
        rest, total = _sums(panels, paths)
        chosen = rest > tolerance * size[panels.path] / 2
        more = (NODES - 1) * torch.bincount(panels.path[chosen], minlength=paths)
        finished = (total <= tolerance * size) | (nodes + more > max_nodes)
        # Of paths that finished before there are no panels left.
        there = finished & (torch.bincount(panels.path, minlength=paths) > 0)
        result.scores[there], result.error[there] = scores[there], (total / size)[there].to(size)
        panels, chosen = panels[~finished[panels.path]], chosen[~finished[panels.path]]
        if len(panels.path) == 0:
            return result
        nodes += torch.where(finished, 0, more)
        panels = panels[~chosen] + panels[chosen].halves(integrand, assemble)


def _sums(panels: Panels, paths: int) -> tuple[Tensor, Tensor]:
    """Of a path's errors the sum up to each panel's, the smallest first, `(panel,)`, and of all, `(path,)`."""
    order = panels.errors.argsort(stable=True)
    order = order[panels.path[order].argsort(stable=True)]
    errors = panels.errors[order].double()
    total = torch.zeros(paths, dtype=errors.dtype, device=errors.device).index_add_(0, panels.path[order], errors)
    before = total.cumsum(0) - total
    rest = torch.empty_like(errors)
    rest[order] = errors.cumsum(0) - before[panels.path[order]]
    return rest, total


def _halved(at_nodes: Tensor, between: Tensor) -> Tensor:
    """From `(panel, 5, ...)` and the four values between, both halves, `(2 * panel, 5, ...)`."""
    merged = at_nodes.new_empty(len(at_nodes), 2 * NODES - 1, *at_nodes.shape[2:])
    merged[:, ::2], merged[:, 1::2] = at_nodes, between
    return torch.cat([merged[:, :NODES], merged[:, NODES - 1 :]])
