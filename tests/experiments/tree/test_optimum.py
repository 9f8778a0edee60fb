"""The integer programme against trying every set of edges."""

from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attattr.tree import attribution_tree, candidates, objective
from pipeline.experiments.tree.optimum import Candidate, optimal_tree


def is_tree(edges: tuple[Candidate, ...], root: int) -> bool:
    """The constraints, one by one: a single parent, attached no lower than its child, and a path to the root."""
    parent = {edge.key: edge for edge in edges}
    if len(parent) < len(edges) or root in parent or 0 in parent:
        return False
    for edge in edges:
        seen, at = set(), edge
        while at.query != root:
            above = parent.get(at.query)
            if above is None or above.layer < at.layer or at.key in seen:
                return False
            seen.add(at.key)
            at = above
    return True


def brute_force(edges: list[Candidate], root: int, lam: float) -> float:
    edges = [edge for edge in edges if edge.value > lam]  # others are no candidates
    sets = (chosen for count in range(len(edges) + 1) for chosen in combinations(edges, count))
    return max(sum(edge.value - lam for edge in chosen) for chosen in sets if is_tree(chosen, root))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), lam=st.sampled_from([0.0, 0.3]))
def test_nothing_is_better_than_the_optimum(data: st.DataObject, lam: float):
    places = st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)).filter(lambda edge: edge[0] != edge[1])
    drawn = data.draw(st.lists(places, max_size=9, unique=True))
    edges = [Candidate(*place, data.draw(st.floats(0.01, 1))) for place in drawn]
    found = optimal_tree(edges, root=2, n=5, lam=lam)
    assert found.proven
    assert is_tree(tuple(found.edges), 2)
    assert found.objective == pytest.approx(brute_force(edges, 2, lam), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), tau=st.sampled_from([0.0, 0.4]), lam=st.sampled_from([0.0, 0.5]))
def test_the_heuristic_never_exceeds_it(seed: int, tau: float, lam: float):
    maps = torch.randn(4, 6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    tree = attribution_tree(maps, tau=tau, lam=lam)
    if tree.root is None:
        return
    allowed = [Candidate(q, k, layer, v) for layer in range(3) for q, k, v in candidates(maps[layer], tau=tau, lam=lam)]
    best = optimal_tree(allowed, root=tree.root, n=6, lam=lam)
    assert best.proven
    assert objective(tree, lam=lam) <= best.objective + 1e-6


def test_the_heuristic_can_miss_it():
    # From the root, 3 is cheap to reach only through 2, which the top layer attaches too late.
    edges = [Candidate(1, 3, 1, 0.5), Candidate(1, 2, 0, 0.4), Candidate(2, 3, 0, 0.9)]
    found = optimal_tree(edges, root=1, n=4)
    assert [(edge.query, edge.key) for edge in found.edges] == [(1, 2), (2, 3)]
    assert found.objective == pytest.approx(1.3)


def test_no_candidates_no_edges():
    assert optimal_tree([], root=1, n=3) == ([], 0.0, True)
