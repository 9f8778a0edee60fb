"""The sets of edges whose worth is measured: attribution trees, and what is compared with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attattr.edge_sets import (
    edges_per_layer,
    eligible,
    largest_edges,
    largest_share,
    off_diagonal,
    only,
    random_trees,
)
from attattr.randomness import derived_seed
from attattr.tree import (
    AttributionTree,
    TreeEdge,
    attribution_tree,
    candidates,
    grow_tree,
    objective,
    tree_root,
)
from pipeline.experiments.tree.optimum import Candidate, Optimum, optimal_tree
from pipeline.values.columns import ATTRIBUTION, MARGIN, NOTHING, OPTIMUM, RANDOM, TREE

if TYPE_CHECKING:
    from pipeline.values.schema import Tree

# Edge scores whose maps grow trees of the same size.
RIVALS = (MARGIN, "attention", "gradient_x_attention", "value_weighted", "contribution", "joint")


@dataclass(frozen=True)
class Arm:
    """A set of edges, as the mask `(layer, query, key)` that keeps these and every token's edge to itself.

    `tau` is the threshold of the tree whose size it has, `missing` how many edges it falls short of that. `objective`
    is that of attribution trees and of the optimum; `proven` whether the latter is one.
    """

    name: str
    tau: float
    kept: Tensor
    missing: int = 0
    objective: float | None = None
    proven: bool | None = None

    @property
    def edges(self) -> int:
        """Inner edges: below the last layer, and between two tokens."""
        return int(off_diagonal(self.kept[:-1]).sum())


@dataclass(frozen=True)
class Largest:
    """The largest edges by one map that are a share of each layer's edges that a tree may take, as a mask as above."""

    name: str
    share: float
    kept: Tensor


def build(head_sum: Tensor, settings: Tree, *, tau: float | None = None) -> AttributionTree:
    """The attribution tree by the settings; `tau` instead of theirs where it is given."""
    return attribution_tree(
        head_sum,
        tau=settings.tau if tau is None else tau,
        tau_last=settings.tau_last,
        lam=settings.lam,
        variant=settings.variant,
    )


def thresholds(settings: Tree) -> list[float]:
    """Those of the grid and the settings' own."""
    return sorted({*settings.tau_grid, settings.tau})


def arms_of(maps: Mapping[str, Tensor], example_id: str, *, settings: Tree, seed: int) -> list[Arm]:
    """All sets of edges of one example, from its maps `(layer, query, key)` of attribution and of the rivals.

    First the attribution trees of all thresholds; then what has the size of the tree at the settings' own: trees of the
    rivals' maps, the largest edges that a tree may take, the largest of all, the optimum, and no edge; then, for every
    threshold, random trees of the size of its tree.
    """
    scores = maps[ATTRIBUTION]
    layers, n, _ = scores.shape
    mask_of = partial(only, layers=layers, n=n)
    own, arms, random = settings.tau, [], []
    for tau in thresholds(settings):
        tree = build(scores, settings, tau=tau)
        arms.append(Arm(TREE, tau, mask_of(tree.edges), objective=objective(tree, lam=settings.lam)))
        generator = torch.Generator().manual_seed(derived_seed(seed, "random trees", example_id, str(tau)))
        count = settings.random_trees if tau == own else settings.random_sets
        others = random_trees(edges_per_layer(tree.edges, layers=layers), n=n, count=count, generator=generator)
        random += [Arm(RANDOM, tau, mask_of(edges), missing=len(tree.edges) - len(edges)) for edges in others]
    tree = build(scores, settings)
    size = edges_per_layer(tree.edges, layers=layers)
    for name in RIVALS:
        rival = grow_tree(maps[name], root=tree_root(maps[name]), budget=size)
        arms.append(Arm(name, own, mask_of(rival.edges), missing=len(tree.edges) - len(rival.edges)))
    arms.append(Arm("eligible_edges", own, largest_edges(scores, eligible(scores), size)))
    arms.append(Arm("top_edges", own, largest_edges(scores, off_diagonal(torch.ones_like(scores) > 0), size)))
    best = optimum(scores, tree, settings)
    found = mask_of(with_terminals(best.edges, tree, scores))
    arms.append(Arm(OPTIMUM, own, found, objective=best.objective, proven=best.proven))
    return [*arms, Arm(NOTHING, own, mask_of([])), *random]


def shares_of(maps: Mapping[str, Tensor], example_id: str, *, settings: Tree, seed: int) -> list[Largest]:
    """The largest edges by every map, and by random ones, at every share of `settings.edge_shares`."""
    scores = maps[ATTRIBUTION]
    allowed = eligible(scores)
    generator = torch.Generator().manual_seed(derived_seed(seed, "random edges", example_id))
    random = [torch.rand(scores.shape, generator=generator, dtype=scores.dtype) for _ in range(settings.random_sets)]
    return [
        Largest(name, share, largest_share(values, allowed, share))
        for name, values in [*maps.items(), *((RANDOM, values) for values in random)]
        for share in settings.edge_shares
    ]


def optimum(head_sum: Tensor, tree: AttributionTree, settings: Tree) -> Optimum:
    """The exact optimum of the printed objective from the tree's own root."""
    if tree.root is None:
        return Optimum([], 0.0, proven=True)
    allowed = [
        Candidate(query, key, layer, value)
        for layer in range(len(head_sum) - 1)
        for query, key, value in candidates(head_sum[layer], tau=settings.tau, lam=settings.lam)
    ]
    n, lam = head_sum.shape[1], settings.lam
    return optimal_tree(allowed, root=tree.root, n=n, lam=lam, seconds=settings.optimum_seconds)


def with_terminals(found: Sequence[Candidate], tree: AttributionTree, head_sum: Tensor) -> list[TreeEdge]:
    """The optimum's edges, and [CLS] reading its tokens in the last layer, so that it is masked as a tree is."""
    if tree.root is None:
        return []
    last = len(head_sum) - 1
    tokens = sorted({tree.root, *(edge.key for edge in found)})
    terminal = [TreeEdge(0, token, last, float(head_sum[last, 0, token])) for token in tokens]
    return [TreeEdge(*edge) for edge in found] + terminal
