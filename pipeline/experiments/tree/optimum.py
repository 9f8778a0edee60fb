"""The best tree there is, by integer programming (docs/method.md, "Attribution trees")."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array


class Candidate(NamedTuple):
    """An edge that may enter the tree."""

    query: int
    key: int
    layer: int
    value: float


class Optimum(NamedTuple):
    """The chosen edges, the sum of their values minus `lam` each, and whether nothing better was proven to exist."""

    edges: list[Candidate]
    objective: float
    proven: bool


def optimal_tree(
    candidates: Sequence[Candidate], *, root: int, n: int, lam: float = 0.0, seconds: float = 10.0
) -> Optimum:
    """Choose edges that maximise the sum of value - `lam`, as a tree from `root` over `n` tokens.

    Every token has at most one parent, which is the root or is itself attached in the same or a higher layer; no
    cycles; token 0 ([CLS]) is left out. The search ends after `seconds`, with the best tree found so far.
    """
    edges = [e for e in candidates if 0 not in (e.query, e.key) and e.key != root and e.value > lam]
    if not edges:
        return Optimum([], 0.0, proven=True)
    count = len(edges)
    rows, limits = _constraints(edges, root=root, n=n)
    # One variable per edge, then each token's depth, which forbids cycles.
    cost = np.concatenate([[lam - e.value for e in edges], np.zeros(n)])
    upper = np.concatenate([np.ones(count), np.full(n, n - 1.0)])
    upper[count + root] = 0
    found = milp(
        cost,
        constraints=LinearConstraint(rows, ub=limits),  # type: ignore[arg-type] (its stubs know scalars only)
        bounds=Bounds(0, upper),  # type: ignore[arg-type]
        integrality=np.concatenate([np.ones(count), np.zeros(n)]),
        options={"time_limit": seconds},
    )
    if found.x is None:
        return Optimum([], 0.0, proven=False)
    chosen = [edge for edge, taken in zip(edges, found.x, strict=False) if taken > 0.5]
    return Optimum(chosen, sum(edge.value - lam for edge in chosen), proven=found.status == 0)


def _constraints(edges: Sequence[Candidate], *, root: int, n: int) -> tuple[csr_array, list[float]]:
    """Rows of `A x <= limit`."""
    count = len(edges)
    terms: list[tuple[int, int, float]] = []  # (row, variable, factor)
    limits: list[float] = []

    def add(row: list[tuple[int, float]], limit: float) -> None:
        terms.extend((len(limits), variable, factor) for variable, factor in row)
        limits.append(limit)

    for token in sorted({edge.key for edge in edges}):
        add([(number, 1.0) for number, edge in enumerate(edges) if edge.key == token], 1)
    for number, edge in enumerate(edges):
        if edge.query != root:
            above = [k for k, other in enumerate(edges) if other.key == edge.query and other.layer >= edge.layer]
            add([(number, 1.0), *((k, -1.0) for k in above)], 0)
        # The child is deeper than its parent: depth(query) + 1 <= depth(key) where the edge is taken.
        add([(count + edge.query, 1.0), (count + edge.key, -1.0), (number, float(n))], n - 1)
    at, variable, factor = zip(*terms, strict=True)
    return csr_array((factor, (at, variable)), shape=(len(limits), count + n)), limits
