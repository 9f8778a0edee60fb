"""Sets of edges: which edges each has."""

from collections import Counter

import torch

from attattr.edge_sets import (
    complement,
    edges_per_layer,
    eligible,
    largest_edges,
    largest_share,
    off_diagonal,
    only,
    open_rows,
    random_trees,
)
from attattr.tree import TreeEdge

EDGES = [TreeEdge(2, 1, 0, 0.5), TreeEdge(0, 2, 1, 0.1), TreeEdge(1, 1, 1, 0.2)]


def test_only_keeps_the_edges_and_every_self_edge():
    mask = only(EDGES, layers=2, n=3)
    assert mask.nonzero().tolist() == [
        [0, 0, 0], [0, 1, 1], [0, 2, 1], [0, 2, 2],
        [1, 0, 0], [1, 0, 2], [1, 1, 1], [1, 2, 2],
    ]  # fmt: skip


def test_the_complement_removes_the_edges_but_no_self_edge():
    assert (~complement(only(EDGES, layers=2, n=3))).nonzero().tolist() == [[0, 2, 1], [1, 0, 2]]


def test_open_rows_reopens_whole_queries():
    mask = open_rows(only([], layers=1, n=3), torch.tensor([True, False, False]))
    assert mask[0].tolist() == [[True, True, True], [False, True, False], [False, False, True]]


def test_a_tree_may_take_only_what_the_algorithm_can_attach():
    allowed = eligible(torch.zeros(3, 4, 4))
    inner = [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)]
    expected = {(layer, *edge) for layer in (0, 1) for edge in inner} | {(2, 0, key) for key in (1, 2, 3)}
    assert {tuple(place) for place in allowed.nonzero().tolist()} == expected


def test_random_trees_are_trees_of_the_size_asked_for():
    generator = torch.Generator().manual_seed(0)
    drawn = list(random_trees([1, 2, 2], n=6, count=400, generator=generator))
    for edges in drawn:
        assert edges_per_layer(edges, layers=3) == [sum(edge.layer == layer for edge in edges) for layer in range(3)]
        assert edges_per_layer(edges, layers=3) == [1, 2, 2]
        inner = [edge for edge in edges if edge.layer < 2]
        there = {inner[0].query}
        for edge in inner:
            assert edge.query in there
            assert edge.key not in {0, *there}
            there.add(edge.key)
        assert {edge.query for edge in edges if edge.layer == 2} == {0}
        assert {edge.key for edge in edges if edge.layer == 2} <= there
    # Every token is as likely a root as any other, and the second edge hangs on the root or on the first key.
    roots = Counter(edges[0].query for edges in drawn)
    assert set(roots) == {1, 2, 3, 4, 5}
    assert max(roots.values()) < 2 * min(roots.values())
    on_root = sum(edges[1].query == edges[0].query for edges in drawn)
    assert 160 < on_root < 240


def test_no_token_is_left_for_more_edges_than_there_are_tokens():
    (edges,) = random_trees([0, 9, 0], n=4, count=1, generator=torch.Generator().manual_seed(0))
    assert len(edges) == 2


def test_the_largest_edges_of_each_layer_that_are_allowed():
    scores = torch.arange(27, dtype=torch.float64).view(3, 3, 3)
    any_edge = largest_edges(scores, off_diagonal(torch.ones(3, 3, 3) > 0), [1, 0, 2])
    assert off_diagonal(any_edge).nonzero().tolist() == [[0, 2, 1], [2, 2, 0], [2, 2, 1]]
    fair = largest_edges(scores, eligible(scores), [1, 0, 2])
    assert off_diagonal(fair).nonzero().tolist() == [[0, 2, 1], [2, 0, 1], [2, 0, 2]]
    assert all(bool(layer.diagonal().all()) for layer in fair)


def test_a_share_of_the_largest_edges_is_rounded_up_in_every_layer():
    scores = torch.rand(3, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # Of twelve edges between four tokens, and of four by which [CLS] reads them.
    for share, counts in ((0.01, [1, 1, 1]), (0.5, [6, 6, 2]), (0.6, [8, 8, 3]), (1.0, [12, 12, 4])):
        kept = largest_share(scores, eligible(scores), share)
        assert off_diagonal(kept).sum(dim=(1, 2)).tolist() == counts
        assert torch.equal(kept, largest_edges(scores, eligible(scores), counts))
