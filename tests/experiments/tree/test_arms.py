"""Which edges each set has."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from attattr.edge_sets import eligible, off_diagonal
from pipeline.experiments.tree.arms import RIVALS, arms_of, build, optimum, shares_of


def drawn_maps(seed: int, *, layers: int = 4, n: int = 7) -> dict[str, torch.Tensor]:
    """Positive maps of all rivals, and one of attribution with a third of its edges below zero."""
    generator = torch.Generator().manual_seed(seed)
    names = ("attribution", *RIVALS)
    scores = {name: torch.rand(layers, n, n, generator=generator, dtype=torch.float64) for name in names}
    return scores | {"attribution": scores["attribution"] - 0.3}


def test_chance_is_the_runs_seed_and_the_examples_alone(section: Callable[..., Any]):
    """What an example draws does not depend on the other examples, nor on the other thresholds."""
    settings = section("tree", random_trees=3, random_sets=2, tau_grid=[0.0])
    wider = section("tree", random_trees=3, random_sets=2, tau_grid=[0.0, 0.7])
    scores = drawn_maps(0)

    def drawn(settings: Any, seed: int, example_id: str = "a") -> list[Any]:
        arms = arms_of(scores, example_id, settings=settings, seed=seed)
        return [arm.kept.tolist() for arm in arms if arm.name == "random" and arm.tau == 0.0]

    assert drawn(settings, 1) == drawn(wider, 1)
    assert drawn(settings, 1) != drawn(settings, 2)
    assert drawn(settings, 1) != drawn(settings, 1, "b")


@pytest.mark.parametrize("seed", range(20))
def test_every_fair_set_is_eligible_and_has_the_trees_edges_per_layer(seed: int, section: Callable[..., Any]):
    scores = drawn_maps(seed)
    settings = section("tree", random_trees=3, random_sets=2, tau_grid=[0.0, 0.8], tau=0.5, tau_last=0.3)
    arms = arms_of(scores, "x", settings=settings, seed=seed)
    allowed = eligible(scores["attribution"])

    def size(arm: Any) -> list[int]:
        return off_diagonal(arm.kept).sum(dim=(1, 2)).tolist()

    expected = {arm.tau: size(arm) for arm in arms if arm.name == "tree"}
    for arm in arms:
        edges = off_diagonal(arm.kept)
        if arm.name != "top_edges":
            assert not bool((edges & ~allowed).any())
        if arm.name not in ("optimum", "nothing"):
            assert size(arm) == expected[arm.tau]
            assert arm.missing == 0
        if arm.name in ("tree", "random", *RIVALS):
            keys = edges[:-1].nonzero()[:, 2].tolist()
            assert len(set(keys)) == len(keys)  # every token has one parent


def test_shares_of_edges_are_rounded_up_in_every_layer(section: Callable[..., Any]):
    settings = section("tree", random_sets=1, edge_shares=[0.01, 0.5, 1.0])
    scores = torch.rand(3, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = shares_of({"attribution": scores}, "x", settings=settings, seed=1)
    assert [(part.name, part.share) for part in found[:3]] == [("attribution", share) for share in (0.01, 0.5, 1.0)]
    counts = [off_diagonal(part.kept).sum(dim=(1, 2)).tolist() for part in found]
    # Of twelve edges between four tokens, and of four by which [CLS] reads them.
    assert counts == [[1, 1, 1], [6, 6, 2], [12, 12, 4]] * 2
    smaller, larger = found[0].kept, found[1].kept
    assert not bool((smaller & ~larger).any())


def test_the_optimum_has_the_trees_root_and_is_no_worse(section: Callable[..., Any]):
    settings = section("tree", tau=0.1)
    for seed in range(3):
        values = drawn_maps(seed, n=5)["attribution"]
        tree = build(values, settings)
        best = optimum(values, tree, settings)
        assert best.proven
        assert best.objective >= sum(edge.value for edge in tree.inner) - 1e-9
