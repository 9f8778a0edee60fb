"""What trees carry: the model's output with their edges alone, beside other sets of as many edges."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from attattr.batching import resolve_token_budget
from attattr.edge_sets import edges_per_layer, eligible, largest_edges, only, random_trees
from attattr.examples import inputs_of
from attattr.faithfulness import edge_masked_logits
from attattr.output import evaluate
from attattr.randomness import derived_seed
from attattr.tree import grow_tree, tree_root
from attattr.viewer.view import Carried, Share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.examples import Example
    from attattr.inputs import Inputs
    from attattr.tree import AttributionTree, TreeEdge
    from attattr.viewer.view import Explanation, View

RANDOM_TREES = 20  # of every size


def with_shares(view: View, model: PreTrainedModel, example: Example, *, seed: int) -> View:
    """The view, a whole one that has its trees, with what these carry, by passes under masks."""
    inputs = inputs_of(model, [example])
    measured = [replace(one, shares=_shares(one, model, inputs, seed=seed)) for one in view.explanations]
    return replace(view, explanations=tuple(measured))


def carried_by(
    tree: AttributionTree, one: Explanation, model: PreTrainedModel, example: Example, *, seed: int
) -> Carried:
    """What the edges of one tree bring back, by passes under masks: the same numbers as those of `with_shares`."""
    inputs = inputs_of(model, [example])
    layers, n, _ = one.head_sum.shape
    size = edges_per_layer(tree.edges, layers=layers)
    sets = [[], tree.edges, *_random_trees(size, inputs, seed=seed)]
    full, none, of_tree, *random = _values([only(edges, layers=layers, n=n) for edges in sets], one, model, inputs)
    return Carried(full, none, of_tree, tuple(random))


def _shares(one: Explanation, model: PreTrainedModel, inputs: Inputs, *, seed: int) -> tuple[Share, ...]:
    """One per threshold; equal trees are measured once, and so are the sets that only depend on a tree's size."""
    assert one.gradient_sum is not None
    scores, gradient = one.head_sum, one.gradient_sum
    layers, n, _ = scores.shape
    mask_of = partial(only, layers=layers, n=n)
    trees = list(dict.fromkeys(tree.edges for tree in one.trees))
    sizes = list(dict.fromkeys(tuple(edges_per_layer(edges, layers=layers)) for edges in trees))
    own, masks = [mask_of(edges) for edges in trees], []
    for size in sizes:
        rival = grow_tree(gradient, root=tree_root(gradient), budget=size)
        masks += [mask_of(rival.edges), largest_edges(scores, eligible(scores), size)]
        masks += [mask_of(edges) for edges in _random_trees(size, inputs, seed=seed)]
    full, none, *values = _values([mask_of([]), *own, *masks], one, model, inputs)
    of_trees, rest = values[: len(own)], values[len(own) :]
    width = 2 + RANDOM_TREES
    parts = [rest[start:stop] for start, stop in pairwise(range(0, len(rest) + 1, width))]
    found = []
    for tree in one.trees:
        rival, largest, *random = parts[sizes.index(tuple(edges_per_layer(tree.edges, layers=layers)))]
        found.append(Share(full, none, of_trees[trees.index(tree.edges)], tuple(random), rival, largest))
    return tuple(found)


def _random_trees(size: Sequence[int], inputs: Inputs, *, seed: int) -> Iterator[list[TreeEdge]]:
    """Of that size; by tokens and size, so that a text has the same ones in any place, and at any threshold."""
    tokens = inputs.input_ids[0].tolist()
    generator = torch.Generator().manual_seed(derived_seed(seed, "random trees", *tokens, "edges", *size))
    return random_trees(size, n=len(tokens), count=RANDOM_TREES, generator=generator)


def _values(masks: Sequence[Tensor], one: Explanation, model: PreTrainedModel, inputs: Inputs) -> list[float]:
    """F with all edges, then with those of every mask alone."""
    budget = resolve_token_budget("auto", model, n=masks[0].shape[-1])
    every = torch.stack([torch.ones_like(masks[0]), *masks])
    logits = edge_masked_logits(model, inputs, every, token_budget=budget)
    return evaluate(logits, torch.full((len(logits),), one.target), output=one.output).tolist()
