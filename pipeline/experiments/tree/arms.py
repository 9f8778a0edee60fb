"""The sets of edges that are compared with an attribution tree: trees from other maps, random ones, the optimum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.attribution import attribute
from pipeline.attattr.prefix import frozen, prefix_pass
from pipeline.attattr.tree import AttributionTree, TreeEdge, attribution_tree, candidates, grow_tree, tree_root
from pipeline.experiments.tree.optimum import Candidate, Optimum, optimal_tree
from pipeline.predicting.examples import Batch
from pipeline.predicting.predict import model_inputs
from pipeline.values.randomness import derived_seed

if TYPE_CHECKING:
    from pipeline.values.schema import Tree

RIVALS = ("attention", "gradient_x_attention", "value_weighted")


def build(head_sum: Tensor, settings: Tree, *, tau: float | None = None) -> AttributionTree:
    """The attribution tree by the settings; `tau` instead of theirs where it is given."""
    return attribution_tree(
        head_sum,
        tau=settings.tau if tau is None else tau,
        tau_last=settings.tau_last,
        lam=settings.lam,
        variant=settings.variant,
    )


def rival_maps(model: PreTrainedModel, batch: Batch) -> dict[str, Tensor]:
    """Other maps `(layer, query, key)` of the one example of `batch`, each summed over heads: `RIVALS`."""
    inputs = model_inputs(model, batch)
    # One right-rule step is the gradient at the unchanged model times the attention.
    result = attribute(model, **inputs.arguments(), target="predicted", steps=1, rule="right")
    with frozen(model), torch.no_grad():
        prefix = prefix_pass(model, inputs)
    weighted = [
        (probs[0] * value[0].norm(dim=-1)[:, None, :]).sum(dim=0)
        for probs, value in zip(prefix.attention_probs, prefix.value, strict=True)
    ]
    maps = (result.attention_probs[0].sum(dim=1), result.attribution[0].sum(dim=1), torch.stack(weighted))
    return {name: values.double().cpu() for name, values in zip(RIVALS, maps, strict=True)}


def edges_per_layer(edges: Iterable[TreeEdge], *, layers: int) -> list[int]:
    """How many edges each layer has."""
    counts = Counter(edge.layer for edge in edges)
    return [counts[layer] for layer in range(layers)]


def rival_tree(scores: Tensor, like: AttributionTree) -> AttributionTree:
    """A tree grown from other maps, with at most as many edges in every layer as `like` has."""
    budget = edges_per_layer(like.inner, layers=len(scores))
    return grow_tree(scores, root=tree_root(scores), budget=budget)


def random_trees(
    like: AttributionTree, example_id: str, *, layers: int, n: int, count: int, seed: int
) -> Iterator[AttributionTree]:
    """Trees grown from uniform random maps, with random roots; drawn for the example whatever others there are."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "random trees", example_id))
    for _ in range(count):
        yield rival_tree(torch.rand(layers, n, n, generator=generator, dtype=torch.float64), like)


def top_edges(head_sum: Tensor, like: AttributionTree) -> list[TreeEdge]:
    """The largest edges of every layer, as many as `like` has there, without the condition of being a tree."""
    chosen: list[TreeEdge] = []
    for layer, count in enumerate(edges_per_layer(like.edges, layers=len(head_sum))):
        best = candidates(head_sum[layer], tau=0.0, lam=0.0)[:count]
        chosen += [TreeEdge(query, key, layer, value) for query, key, value in best]
    return chosen


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
