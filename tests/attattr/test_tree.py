"""Attribution trees against the released script, against trees worked out by hand, and by their properties."""

import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attattr import attribution_tree
from attattr.errors import AttributionError
from attattr.tree import AttributionTree, TreeEdge, Variant, candidates, grow_tree, objective, tree_root

GOLDEN = Path(os.environ.get("ATTATTR_DATA", "")) / "golden" / "authors_tree.json"


def maps(layers: int, n: int, **edges: float) -> Tensor:
    """Maps of zeros with `l2_0_3=0.5`-like entries: layer 2, query 0, key 3."""
    result = torch.zeros(layers, n, n, dtype=torch.float64)
    for name, value in edges.items():
        layer, query, key = map(int, name[1:].split("_"))
        result[layer, query, key] = value
    return result


def inner(tree: AttributionTree) -> list[tuple[int, int, int]]:
    return [(edge.query, edge.key, edge.layer) for edge in tree.inner]


@pytest.mark.skipif("ATTATTR_DATA" not in os.environ, reason="ATTATTR_DATA is not set")
@pytest.mark.parametrize("name", ["1", "2", "3", "real_5", "real_6"])
def test_the_released_script_gives_the_same_roots_and_edges_in_the_same_order(name: str):
    golden = json.loads(GOLDEN.read_text())[name]
    tree = attribution_tree(torch.tensor(golden["attribution_head_sum"]), tau=0.4, variant="authors")
    assert tree.root == golden["root"]
    assert [[edge.query, edge.key] for edge in tree.edges] == golden["edges"]
    assert golden["edges"]


def test_a_tree_worked_out_by_hand():
    # Root 2 reads 3 in the last layer but one, 3 reads 1 below; 1 reads 4 at the same layer, after it was attached.
    example = maps(3, 5, l1_2_3=1.5, l1_3_4=0.3, l0_3_1=0.9, l0_1_4=0.8, l0_4_3=0.85, l2_0_2=0.7, l2_0_3=-0.2)
    tree = attribution_tree(example, tau=0.4)
    assert tree.root == 2
    assert inner(tree) == [(2, 3, 1), (3, 1, 0), (1, 4, 0)]
    assert [(e.query, e.key, e.layer, e.value) for e in tree.edges[3:]] == [
        (0, 1, 2, 0.0),
        (0, 2, 2, 0.7),
        (0, 3, 2, -0.2),
        (0, 4, 2, 0.0),
    ]
    assert objective(tree) == pytest.approx(1.5 + 0.9 + 0.8)
    assert objective(tree, lam=0.1) == pytest.approx(2.9)


def test_an_edge_whose_query_is_not_yet_there_is_not_tried_again():
    # 3 reads 4 is larger, so it comes first, when 3 is not in the tree yet.
    tree = attribution_tree(maps(2, 5, l0_2_3=0.9, l0_3_4=1.0, l0_2_1=0.8), tau=0.4)
    assert tree.root == 2
    assert inner(tree) == [(2, 3, 0), (2, 1, 0)]


def test_the_last_layer_gives_terminal_edges_only():
    tree = attribution_tree(maps(2, 4, l1_2_3=5.0, l0_2_1=0.1), tau=0.4)
    assert inner(tree) == [(2, 1, 0)]
    assert {edge.layer for edge in tree.edges if edge.query == 0} == {1}


def test_cls_is_neither_root_nor_child():
    tree = attribution_tree(maps(2, 3, l0_0_1=9.0, l0_0_2=9.0, l0_1_0=5.0, l0_1_2=4.0), tau=0.0)
    assert tree.root == 1
    assert inner(tree) == [(1, 2, 0)]


def test_tau_compares_with_the_largest_value_of_the_layer_and_is_strict():
    example = maps(2, 4, l0_1_2=1.0, l0_1_3=0.4)
    assert inner(attribution_tree(example, tau=0.4)) == [(1, 2, 0)]
    assert inner(attribution_tree(example, tau=0.39)) == [(1, 2, 0), (1, 3, 0)]


def test_lam_is_a_floor():
    example = maps(2, 4, l0_1_2=1.0, l0_1_3=0.5)
    assert inner(attribution_tree(example, tau=0.0, lam=0.5)) == [(1, 2, 0)]


def test_tau_last_drops_weak_terminal_edges():
    example = maps(2, 3, l0_1_2=1.0, l1_0_1=1.0, l1_0_2=0.4)
    ends = [edge.key for edge in attribution_tree(example, tau=0.4, tau_last=0.5).edges if edge.query == 0]
    assert ends == [1]


@pytest.mark.parametrize("variant", ["paper", "authors"])
@pytest.mark.parametrize(
    "example",
    [
        pytest.param(torch.zeros(3, 4, 4), id="nothing"),
        pytest.param(-torch.ones(3, 4, 4), id="all negative"),
        pytest.param(torch.ones(3, 1, 1), id="one token"),
        pytest.param(torch.eye(4).repeat(3, 1, 1), id="only self-edges"),
    ],
)
def test_without_a_positive_attribution_between_tokens_the_tree_is_empty(example: Tensor, variant: str):
    assert attribution_tree(example, tau=0.4, variant=variant) == AttributionTree(None, ())  # type: ignore[arg-type]


def test_a_layer_without_a_positive_value_adds_nothing():
    example = maps(3, 3, l1_1_2=1.0)
    example[0] = -1
    tree = attribution_tree(example, tau=0.4)
    assert tree.root is None or inner(tree) == [(1, 2, 1)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tau": 1.0}, "tau is 1.0"),
        ({"tau": -0.1}, "tau is -0.1"),
        ({"tau_last": 1.5}, "tau_last is 1.5"),
        ({"lam": -1.0}, "lam is -1.0"),
        ({"variant": "other"}, "variant is 'other'"),
        ({"head_sum": torch.zeros(2, 3, 4)}, "shape (2, 3, 4)"),
        ({"head_sum": torch.full((2, 3, 3), torch.nan)}, "not finite"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], said: str):
    arguments = {"head_sum": torch.zeros(2, 3, 3), "tau": 0.4} | change
    with pytest.raises(AttributionError) as raised:
        attribution_tree(arguments.pop("head_sum"), **arguments)  # type: ignore[arg-type]
    assert said in str(raised.value)


def random_maps(seed: int, layers: int, n: int) -> Tensor:
    return torch.randn(layers, n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


shapes = {"seed": st.integers(0, 10**6), "layers": st.integers(1, 5), "n": st.integers(1, 9), "tau": st.floats(0, 0.9)}


@settings(max_examples=60, deadline=None)
@given(**shapes)
def test_it_is_a_tree_whose_parents_are_attached_no_lower(seed: int, layers: int, n: int, tau: float):
    example = random_maps(seed, layers, n)
    tree = attribution_tree(example, tau=tau)
    attached = {} if tree.root is None else {tree.root: layers}
    for edge in tree.inner:
        assert edge.key not in attached
        assert 0 not in (edge.query, edge.key)
        assert attached[edge.query] >= edge.layer
        assert edge.value == example[edge.layer, edge.query, edge.key] > tau * example[edge.layer].max()
        attached[edge.key] = edge.layer
    assert sorted(edge.key for edge in tree.edges if edge.query == 0) == sorted(attached)


@settings(max_examples=30, deadline=None)
@given(**shapes, scale=st.floats(0.01, 100))
def test_scaling_all_values_changes_no_edge(seed: int, layers: int, n: int, tau: float, scale: float):
    example = random_maps(seed, layers, n)
    one, other = attribution_tree(example, tau=tau), attribution_tree(example * scale, tau=tau)
    assert (one.root, inner(one)) == (other.root, inner(other))


@settings(max_examples=30, deadline=None)
@given(**shapes)
def test_renaming_the_tokens_renames_the_tree(seed: int, layers: int, n: int, tau: float):
    example = random_maps(seed, layers, n)
    order = [0, *(1 + torch.randperm(n - 1, generator=torch.Generator().manual_seed(seed))).tolist()]
    tree, renamed = attribution_tree(example, tau=tau), attribution_tree(example[:, order][:, :, order], tau=tau)
    assert [(order[query], order[key], layer) for query, key, layer in inner(renamed)] == inner(tree)


def test_a_budget_is_the_number_of_edges_of_every_layer():
    example = torch.rand(4, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    root = tree_root(example)
    tree = grow_tree(example, root=root, budget=[1, 0, 3, 99])
    layers = [edge.layer for edge in tree.edges]
    assert [layers.count(layer) for layer in range(4)] == [1, 0, 3, 5]
    free = grow_tree(example, root=root)
    assert inner(tree)[:3] == inner(free)[:3]
    few = grow_tree(example, root=root, budget=[1, 0, 3, 2])
    assert few.edges[:4] == tree.edges[:4]
    assert few.edges[4:] == tuple(edge for edge in tree.edges[4:] if edge in sorted(tree.edges[4:], key=value)[-2:])


def value(edge: TreeEdge) -> float:
    return edge.value


def test_with_a_budget_an_edge_is_tried_again_once_its_query_is_there():
    example = maps(2, 5, l0_2_3=0.9, l0_3_4=1.0, l0_2_1=0.8)
    assert inner(grow_tree(example, root=2, budget=[3, 4])) == [(2, 3, 0), (2, 1, 0), (3, 4, 0)]
    # As many as can be attached, where the candidates do not suffice.
    assert inner(grow_tree(example, root=1, budget=[3, 4])) == []


@settings(max_examples=40, deadline=None)
@given(**shapes)
def test_positive_maps_grow_trees_of_any_trees_size(seed: int, layers: int, n: int, tau: float):
    tree = attribution_tree(random_maps(seed, layers, n), tau=tau)
    size = [sum(edge.layer == layer for edge in tree.edges) for layer in range(layers)]
    others = random_maps(seed + 1, layers, n).exp()
    rival = grow_tree(others, root=tree_root(others), budget=size)
    assert [sum(edge.layer == layer for edge in rival.edges) for layer in range(layers)] == size


def test_candidates_come_in_decreasing_order_and_ties_by_index():
    values = torch.tensor([[9.0, 2.0, 3.0], [3.0, 9.0, -1.0], [0.5, 3.0, 9.0]])
    assert [(q, k) for q, k, _ in candidates(values, tau=0.0, lam=0.0)] == [(0, 2), (1, 0), (2, 1), (0, 1), (2, 0)]


@pytest.mark.parametrize("variant", ["paper", "authors"])
@given(seed=st.integers(0, 10**6), layers=st.integers(1, 4), n=st.integers(1, 7), at=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_the_token_that_is_read_out_may_stand_anywhere(variant: Variant, seed: int, layers: int, n: int, at: int):
    """Its row and column moved to the front, the tree is the one whose first token is read out."""
    at %= n
    example = torch.randn(layers, n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    order = [at, *(token for token in range(n) if token != at)]
    moved = example[:, order][:, :, order]
    tree, expected = (
        attribution_tree(one, tau=0.2, tau_last=0.1, variant=variant, readout=readout)
        for one, readout in ((example, at), (moved, 0))
    )
    assert tree.root == (None if expected.root is None else order[expected.root])
    # Which edges the script attaches depends on the order of indices.
    if variant == "paper":
        assert {*tree.edges} == {(order[e.query], order[e.key], e.layer, e.value) for e in expected.edges}
        assert {*tree.inner} == {(order[e.query], order[e.key], e.layer, e.value) for e in expected.inner}
        assert all(edge.key != at for edge in tree.edges)
    else:
        assert all(edge.query != at for edge in tree.edges)


@pytest.mark.parametrize("readout", [-1, 3, "first", 0.0])
def test_a_readout_that_is_no_token_is_refused(readout: object):
    with pytest.raises(AttributionError, match="must be the index of one of the 3 tokens"):
        attribution_tree(torch.ones(2, 3, 3), tau=0.4, readout=readout)  # type: ignore[arg-type]
