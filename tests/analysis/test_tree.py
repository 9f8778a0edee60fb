"""The tree's statistics on values worked out by hand, and on trees that know nothing."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from attattr.edge_sets import edges_per_layer, random_trees
from attattr.tree import attribution_tree
from pipeline.analysis.quantities import Tree
from pipeline.analysis.statistics import statistics
from pipeline.analysis.tree import (
    area,
    by_set,
    by_share,
    curve_rows,
    facts,
    measures,
    optimum_facts,
    share_rows,
)
from pipeline.values.edge_methods import EDGE_METHODS


def row(example: str, arm: str, only: float, without: float, **facts: Any) -> dict[str, Any]:
    known = {"tau": 0.4, "open": False, "edges": 2, "missing": 0, "objective": None, "proven": None, "full": 0.9}
    return {"example_id": example, "arm": arm, "only": only, "without": without} | known | facts


MAPS = (*EDGE_METHODS, "random")
TAUS = (0.0, 0.4, 0.5)


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """Full 0.9, without any edge 0.19 and 0.21: 0.7 is lost on average."""
    made = []
    for number, example in enumerate(("a", "b")):
        made += [
            row(example, "tree", 0.5 + 0.1 * number - 0.1 * tau, 0.3, objective=1.0 + number, tau=tau) for tau in TAUS
        ]
        made += [row(example, name, 0.4, 0.6, objective=2.0, proven=True, missing=number) for name in Tree.BASELINES]
        made += [row(example, name, 0.7 + (name == "tree") / 10, 0.6, open=True) for name in ("tree", *Tree.BASELINES)]
        for is_open in (False, True):
            made.append(row(example, "nothing", 0.19 + 0.02 * number, 0.9, edges=0, open=is_open))
        made += [row(example, "random", 0.2 + 0.1 * tree, 0.8, missing=1, tau=tau) for tau in TAUS for tree in range(3)]
    return made


@pytest.fixture
def shares() -> list[dict[str, Any]]:
    at = {0.01: 0.2, 0.1: 0.55, 1.0: 0.9}
    return [
        {"example_id": example, "full": 0.9, "map": name, "share": share, "only": only - (name == "random") * 0.1}
        for example in ("a", "b")
        for name in MAPS
        for share, only in at.items()
        for _ in range(1 + (name == "random"))
    ]


def values_of(rows: list[dict[str, Any]], shares: list[dict[str, Any]], **options: Any) -> dict[str, float | None]:
    found = statistics("rte", [measures(by_set(rows, draws=3), by_share(shares), **{"tau": 0.4, **options})])
    return {one.key.text: one.by_seed[0] for one in found}


def test_shares_of_what_is_lost_without_edges(rows: list[dict[str, Any]], shares: list[dict[str, Any]]):
    values = values_of(rows, shares)
    tree = 0.51  # with the tree's edges alone
    expected = {
        "recovered/tree": (tree - 0.2) / 0.7,
        "recovered/random": (0.3 - 0.2) / 0.7,
        "recovered/tree-random": (tree - 0.3) / 0.7,
        **{f"recovered/{name}-tree": (0.4 - tree) / 0.7 for name in Tree.BASELINES},
        "comprehensiveness/tree": (0.9 - 0.3) / 0.7,
        "comprehensiveness/tree-random": (0.8 - 0.3) / 0.7,
        "open/tree": (0.8 - 0.2) / 0.7,
        **{f"open/{name}-tree": -0.1 / 0.7 for name in Tree.BASELINES},
        "excess/0": (0.55 - 0.3) / 0.7,
        "excess/0.4": (tree - 0.3) / 0.7,
        "excess/0.5": (0.5 - 0.3) / 0.7,
        "excess/0.5-0.4": -0.01 / 0.7,
        "knee": 0.0,
        # 0, 0.5 and 1 of what is lost, each tenfold step counting the same; random orders a seventh below.
        **{f"edge_area/{name}": 0.5 for name in MAPS},
        "edge_area/random": 0.5 - 1 / 7,
        **{f"edge_area/attribution-{name}": 0.0 for name in MAPS if name != "attribution"},
        "edge_area/attribution-random": 1 / 7,
        **{f"edge_area/attribution_margin-{name}": 0.0 for name in MAPS if name != "attribution_margin"},
        "edge_area/attribution_margin-random": 1 / 7,
    }
    assert set(values) == set(expected)
    assert values == {name: pytest.approx(value, abs=1e-9) for name, value in expected.items()}


def test_they_are_ratios_of_means_whose_intervals_pair_the_examples(
    rows: list[dict[str, Any]], shares: list[dict[str, Any]]
):
    found = {
        one.key.text: one for one in statistics("rte", [measures(by_set(rows, draws=3), by_share(shares), tau=0.4)])
    }
    # What is lost is 0.71 and 0.69; the residuals of the linearised ratio have a mean of 0.
    tree = found["recovered/tree-random"].estimate
    assert tree is not None
    residuals = np.array([0.46, 0.56]) - 0.3 - tree.value * np.array([0.71, 0.69])
    assert tree.error == pytest.approx(residuals.std(ddof=1) / np.sqrt(2) / 0.7)


def test_what_edges_do_not_carry_they_cannot_recover(rows: list[dict[str, Any]], shares: list[dict[str, Any]]):
    nothing_lost = [entry | ({"only": 0.9} if entry["arm"] == "nothing" else {}) for entry in rows]
    values = values_of(nothing_lost, shares)
    assert values["knee"] is values["recovered/tree"] is values["edge_area/attribution"] is None
    assert curve_rows(by_set(nothing_lost, draws=3), tau=0.4)[0]["recovered"] is None


def test_no_tree_that_beats_random_ones_no_knee(rows: list[dict[str, Any]], shares: list[dict[str, Any]]):
    assert (
        values_of([entry | ({"only": 0.1} if entry["arm"] == "tree" else {}) for entry in rows], shares)["knee"] is None
    )


def test_excess_compares_as_many_random_trees_at_every_threshold(
    rows: list[dict[str, Any]], shares: list[dict[str, Any]]
):
    """More of them at the configured threshold, which happen to carry more, change what they are for and no excess."""
    expected = values_of(rows, shares)
    for tau in (0.4, 0.5):
        more = [row(example, "random", 0.9, 0.1, tau=tau) for example in ("a", "b") for _ in range(97)]
        found = values_of(rows + more, shares)
        same = {name for name in expected if found[name] == expected[name]}
        assert {name for name in expected if name.startswith(("excess", "knee"))} <= same
        assert ("recovered/random" in same) == (tau == 0.5)


def test_facts_of_a_model(rows: list[dict[str, Any]]):
    found = facts(by_set(rows, draws=3), tau=0.4)
    assert (found["n"], found["tau"], found["edges"], found["without_tree"]) == (2, 0.4, 2, 0)
    names = ("full_probability", "tree_probability", "without_any_edge")
    assert [found[name] for name in names] == pytest.approx([0.9, 0.51, 0.2])
    assert found["missing"] == {"random": 1} | {name: 0.5 for name in Tree.BASELINES if name != "optimum"}


def test_the_heuristics_share_of_the_optimum(rows: list[dict[str, Any]]):
    found = optimum_facts(rows, by_set(rows, draws=3), tau=0.4)["optimum"]
    assert found == {"ratio": 0.75, "worst_ratio": 0.5, "reached": 0.5, "proven": 2, "n": 2}


def test_a_threshold_is_a_row_and_so_is_a_share_of_edges(rows: list[dict[str, Any]], shares: list[dict[str, Any]]):
    curves = curve_rows(by_set(rows, draws=3), tau=0.4)
    assert [curve["tau"] for curve in curves] == [0, 0.4, 0.5]
    assert [curve["recovered"] for curve in curves] == pytest.approx([0.35 / 0.7, 0.31 / 0.7, 0.3 / 0.7])
    # At either end the share is just rejected, by a t test of what the tree brings minus that share of what is lost.
    for end, side in (("low", "greater"), ("high", "less")):
        beyond = np.array([0.31, 0.39]) - curves[0][end] * np.array([0.71, 0.69])
        assert stats.ttest_1samp(beyond, 0, alternative=side).pvalue == pytest.approx(0.025)
    assert [curve["random"] for curve in curves] == pytest.approx([1 / 7] * 3)
    assert all(curve["excess"] == pytest.approx(curve["recovered"] - curve["random"]) for curve in curves)
    assert {curve["n"] for curve in curves} == {2}
    found = share_rows(by_set(rows, draws=3), by_share(shares), tau=0.4)
    of_random = [entry["recovered"] for entry in found if entry["map"] == "random"]
    assert of_random == pytest.approx([-1 / 7, 0.5 - 1 / 7, 1 - 1 / 7])


def test_without_the_reviewed_thresholds_there_is_no_difference(
    rows: list[dict[str, Any]], shares: list[dict[str, Any]]
):
    assert "excess/0.5-0.4" not in values_of([entry for entry in rows if entry["tau"] != 0.5], shares)


def test_the_area_is_a_mean_over_the_logarithm():
    at = np.array([0.001, 0.01, 0.1, 1.0])
    line = 1 + np.log10(at)[:, None] / 3  # from 0 to 1
    np.testing.assert_allclose(area(at, line), [0.5])
    np.testing.assert_allclose(area(np.array([0.25, 0.5, 1.0]), np.full((3, 2), 0.75)), [0.75, 0.75])


def test_trees_grown_from_noise_have_no_excess(shares: list[dict[str, Any]]):
    """Edges have a fixed worth, known to no tree: what a set recovers is the sum of its edges' worth."""
    generator = torch.Generator().manual_seed(0)
    layers, n = 4, 10
    rows = []
    for number in range(200):
        worth = torch.rand(layers, n, n, generator=generator, dtype=torch.float64) / 20
        maps = torch.randn(layers, n, n, generator=generator, dtype=torch.float64)
        rows += [row(str(number), "nothing", 0.2, 0.9, open=is_open) for is_open in (False, True)]
        for tau in TAUS:
            tree = attribution_tree(maps, tau=tau)
            size = edges_per_layer(tree.edges, layers=layers)
            others = random_trees(size, n=n, count=20, generator=generator)
            for arm, edges in [("tree", tree.edges), *(("random", other) for other in others)]:
                carried = sum(float(worth[edge.layer, edge.query, edge.key]) for edge in edges)
                rows.append(row(str(number), arm, 0.2 + carried, 0.9 - carried, tau=tau))
        rows += [row(str(number), name, 0.4, 0.6, proven=True) for name in Tree.BASELINES]
        rows += [row(str(number), name, 0.4, 0.6, open=True) for name in ("tree", *Tree.BASELINES)]
    every = [
        entry | {"example_id": str(number)} for number in range(200) for entry in shares if entry["example_id"] == "a"
    ]
    found = {
        one.key.text: one.estimate
        for one in statistics("rte", [measures(by_set(rows, draws=3), by_share(every), tau=0.4)])
    }
    for name in ("recovered/tree-random", "excess/0", "excess/0.5", "excess/0.5-0.4", "comprehensiveness/tree-random"):
        estimate = found[name]
        assert estimate is not None
        assert estimate.error is not None
        assert abs(estimate.value) < 3 * estimate.error, name
        assert abs(estimate.value) < 0.02
    # Larger trees do recover more.
    assert (
        curve_rows(by_set(rows, draws=3), tau=0.4)[0]["recovered"]
        > curve_rows(by_set(rows, draws=3), tau=0.4)[2]["recovered"] + 0.1
    )
