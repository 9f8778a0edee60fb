"""Sets of edges, as masks `(layer, query, key)` of which true is kept (docs/method.md, "Attribution trees")."""

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from attattr.tree import TreeEdge


def only(edges: Iterable[TreeEdge], *, layers: int, n: int) -> Tensor:
    """The mask that keeps `edges` and every token's edge to itself, and nothing else."""
    mask = torch.eye(n, dtype=torch.bool).repeat(layers, 1, 1)
    for edge in edges:
        mask[edge.layer, edge.query, edge.key] = True
    return mask


def complement(kept: Tensor) -> Tensor:
    """The mask that keeps all other edges, and again every token's edge to itself."""
    return ~off_diagonal(kept)


def off_diagonal(mask: Tensor) -> Tensor:
    """The mask without the edges of tokens to themselves."""
    return mask & ~torch.eye(mask.shape[1], dtype=torch.bool)


def open_rows(mask: Tensor, rows: Tensor) -> Tensor:
    """The mask `(..., query, key)` with all edges of the queries `rows`, boolean `(query,)`, kept."""
    return mask | rows[:, None]


def eligible(like: Tensor) -> Tensor:
    """The edges that a tree may take: below the last layer between tokens other than [CLS], there from [CLS] alone."""
    mask = torch.zeros(like.shape, dtype=torch.bool)
    mask[:-1, 1:, 1:] = True
    mask[-1, 0, 1:] = True
    return off_diagonal(mask)


def largest_edges(scores: Tensor, allowed: Tensor, size: Sequence[int]) -> Tensor:
    """The mask that keeps of every layer's `allowed` edges the `size` largest, and the self-edges; ties go by index.

    `scores` and `allowed` are `(layer, query, key)`, `size` is a number for each layer.
    """
    mask = torch.eye(scores.shape[1], dtype=torch.bool).repeat(len(scores), 1, 1)
    for layer, count in enumerate(size):
        query, key = allowed[layer].nonzero(as_tuple=True)
        best = scores[layer, query, key].argsort(descending=True, stable=True)[:count]
        mask[layer, query[best], key[best]] = True
    return mask


def largest_share(scores: Tensor, allowed: Tensor, share: float) -> Tensor:
    """As `largest_edges`, with the `share` of every layer's allowed edges, rounded up."""
    counts = allowed.sum(dim=(1, 2)).tolist()
    return largest_edges(scores, allowed, [math.ceil(share * count) for count in counts])


def edges_per_layer(edges: Sequence[TreeEdge], *, layers: int) -> list[int]:
    """How many edges each layer has."""
    return [sum(edge.layer == layer for edge in edges) for layer in range(layers)]


def random_trees(size: Sequence[int], *, n: int, count: int, generator: torch.Generator) -> Iterator[list[TreeEdge]]:
    """Trees with `size` edges in each layer, and nothing else in common: any root, and any token attached to any other.

    As an attribution tree they hold no token twice, and [CLS] only as the reader of tokens of the tree in the last
    layer.
    """
    for _ in range(count):
        tokens = (1 + torch.randperm(n - 1, generator=generator)).tolist()
        edges: list[TreeEdge] = []
        for layer in range(len(size) - 2, -1, -1):
            # A tree of the released script may hold [CLS] too, one token more than these can.
            for _ in range(min(size[layer], n - 2 - len(edges))):
                there = len(edges) + 1
                query = tokens[int(torch.randint(there, (), generator=generator))]
                edges.append(TreeEdge(query, tokens[there], layer, 1.0))
        there = torch.randperm(len(edges) + 1, generator=generator)[: size[-1]]
        yield edges + [TreeEdge(0, tokens[place], len(size) - 1, 1.0) for place in there.tolist()]
