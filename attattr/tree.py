"""Attribution trees (the paper's Algorithm 1; docs/method.md, "Attribution trees"): from head-summed maps to edges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from attattr.errors import AttributionError, as_number

Variant = Literal["paper", "authors"]
VARIANTS: tuple[str, ...] = get_args(Variant)


class TreeEdge(NamedTuple):
    """`query` reads `key` in `layer`; the key is the child."""

    query: int
    key: int
    layer: int
    value: float


@dataclass(frozen=True)
class AttributionTree:
    """A tree over the tokens of one example; edges in the order in which they were attached.

    `root` is None, and there are no edges, where nothing has a positive attribution. Terminal edges, by which the token
    `readout` ([CLS]) reads the tree in the last layer, are the last ones.
    """

    root: int | None
    edges: tuple[TreeEdge, ...]
    readout: int = 0

    @property
    def inner(self) -> tuple[TreeEdge, ...]:
        """The edges without the terminal ones."""
        return tuple(edge for edge in self.edges if edge.query != self.readout)


def attribution_tree(
    head_sum: Tensor,
    *,
    tau: float,
    tau_last: float = 0.0,
    lam: float = 0.0,
    variant: Variant = "paper",
    readout: int = 0,
) -> AttributionTree:
    """Build the tree of one example from `head_sum` `(layer, query, key)`, its attribution summed over heads.

    An edge is a candidate if its value exceeds `lam` and its share of the layer's largest exceeds `tau`; `tau_last` is
    the share that a terminal edge must reach. `variant` "authors" follows the released script, which ignores
    `tau_last` and `lam`. `readout` is the index of the token that the model's output is read from ([CLS]): neither root
    nor child. Raises AttributionError for maps of another shape, or that are not finite, for thresholds outside [0, 1)
    and for a `readout` that is no token.
    """
    maps = torch.as_tensor(head_sum).detach().to("cpu", torch.float64)
    _check(maps, tau=tau, tau_last=tau_last, lam=lam, variant=variant, readout=readout)
    if variant == "authors":
        return _authors_tree(maps, tau, readout)
    root = tree_root(maps, readout=readout)
    return grow_tree(maps, root=root, tau=tau, tau_last=tau_last, lam=lam, readout=readout)


def grow_tree(
    head_sum: Tensor,
    *,
    root: int | None,
    tau: float = 0.0,
    tau_last: float = 0.0,
    lam: float = 0.0,
    budget: Sequence[int] | None = None,
    readout: int = 0,
) -> AttributionTree:
    """Attach candidates to `root`, from the last layer but one down, the largest of a layer first.

    A `budget` says how many edges every layer is to have, so that other maps grow trees of the same size: candidates
    of a layer are gone through again, not once, while one of them can be attached; of the terminal edges it leaves the
    largest. Without a root the tree is empty.
    """
    if root is None:
        return AttributionTree(None, (), readout)
    present = [token == root for token in range(head_sum.shape[1])]
    edges: list[TreeEdge] = []
    for layer in range(len(head_sum) - 2, -1, -1):
        left = head_sum.shape[1] if budget is None else budget[layer]
        allowed = candidates(head_sum[layer], tau=tau, lam=lam) if left else []
        while left:
            attached = _attach(allowed, present, left, readout)
            edges += [TreeEdge(query, key, layer, value) for query, key, value in attached]
            left = left - len(attached) if attached and budget is not None else 0
    terminal = _terminal(head_sum, present, tau_last, readout)
    if budget is not None:
        largest = sorted(terminal, key=lambda edge: -edge.value)[: budget[-1]]
        terminal = [edge for edge in terminal if edge in largest]
    return AttributionTree(root, (*edges, *terminal), readout)


def _attach(
    allowed: Sequence[tuple[int, int, float]], present: list[bool], most: int, readout: int
) -> list[tuple[int, int, float]]:
    """Go once through a layer's candidates; marks in `present` what is attached, at most `most`."""
    attached: list[tuple[int, int, float]] = []
    for query, key, value in allowed:
        if len(attached) == most:
            break
        if present[query] and not present[key] and key != readout:
            attached.append((query, key, value))
            present[key] = True
    return attached


def tree_root(head_sum: Tensor, *, readout: int = 0) -> int | None:
    """The token other than `readout` that reads most, over all layers and other tokens; None if none is positive.

    `head_sum` is `(layer, query, key)`; of equal tokens the first.
    """
    total = head_sum.sum(dim=0)
    return _largest_other(total.sum(dim=1) - total.diagonal(), readout)


def _largest_other(rows: Tensor, readout: int) -> int | None:
    """The first of the largest values `(token,)` but for that of `readout`; None where it is not positive."""
    others = rows.index_fill(0, torch.tensor([readout]), -torch.inf)
    largest = int(others.argmax())
    return largest if float(others[largest]) > 0 else None


def candidates(layer_map: Tensor, *, tau: float, lam: float) -> list[tuple[int, int, float]]:
    """Edges (query, key, value) of one layer's `(query, key)` map that may enter a tree, the largest first.

    Self-edges are none; equal values go by index. Without a positive value the list is empty.
    """
    largest = float(layer_map.max())
    if largest <= 0:
        return []
    allowed = (layer_map > lam) & (layer_map / largest > tau)
    allowed.fill_diagonal_(False)
    places = allowed.nonzero()
    values = layer_map[allowed]
    order = values.argsort(descending=True, stable=True)
    return [
        (query, key, value) for (query, key), value in zip(places[order].tolist(), values[order].tolist(), strict=True)
    ]


def objective(tree: AttributionTree, *, lam: float = 0.0) -> float:
    """The sum over the edges of value minus `lam`, terminal edges not counted."""
    return sum(edge.value - lam for edge in tree.inner)


def _terminal(head_sum: Tensor, present: list[bool], tau_last: float, readout: int) -> list[TreeEdge]:
    """`readout` reads every token of the tree in the last layer."""
    largest, row = max(float(head_sum[-1].max()), 0.0), head_sum[-1, readout].tolist()
    return [
        TreeEdge(readout, token, len(head_sum) - 1, row[token])
        for token, there in enumerate(present)
        if there and max(row[token], 0.0) >= tau_last * largest
    ]


def _authors_tree(maps: Tensor, tau: float, readout: int) -> AttributionTree:
    """The released script, which knows no terminal edges and, as its loops begin at row 1, no edge from [CLS]."""
    n = maps.shape[1]
    total = _divided(maps.sum(dim=0), readout).clamp(min=0).fill_diagonal_(0)
    root = _largest_other(total.sum(dim=1), readout)
    if root is None:
        return AttributionTree(None, (), readout)
    fixed, appeared = [False] * n, [False] * n
    edges: list[TreeEdge] = []

    def attach(query: int, key: int, layer: int) -> None:
        edges.append(TreeEdge(query, key, layer, float(maps[layer, query, key])))
        fixed[query], appeared[query] = True, False
        appeared[key] = True

    appeared[root] = True
    kept = {layer: _kept(maps[layer], tau, readout) for layer in range(len(maps) - 1)}
    for query, key in kept.get(len(maps) - 2, ()):
        if query == root:
            attach(query, key, len(maps) - 2)
    for layer in range(len(maps) - 3, -1, -1):
        for query, key in kept[layer]:
            if (fixed[query] or appeared[query]) and not (fixed[key] or appeared[key]):
                attach(query, key, layer)
    return AttributionTree(root, tuple(edges), readout)


def _kept(layer_map: Tensor, tau: float, readout: int) -> list[list[int]]:
    """(query, key) pairs above the threshold, in index order."""
    allowed = _divided(layer_map, readout) > tau
    allowed[readout] = False
    return allowed.fill_diagonal_(False).nonzero().tolist()


def _divided(layer_map: Tensor, readout: int) -> Tensor:
    """The map over the |maximum| of its rows other than that of `readout`."""
    rest = torch.cat([layer_map[:readout], layer_map[readout + 1 :]])
    largest = abs(float(rest.max())) if rest.numel() else 0.0
    return layer_map / largest if largest > 0 else torch.zeros_like(layer_map)


def _check(maps: Tensor, *, tau: float, tau_last: float, lam: float, variant: str, readout: int) -> None:
    if maps.ndim != 3 or maps.shape[1] != maps.shape[2] or 0 in maps.shape:
        raise AttributionError(f"head_sum has shape {tuple(maps.shape)}: it must be (layer, query, key)")
    if not bool(maps.isfinite().all()):
        raise AttributionError("head_sum holds values that are not finite")
    for name, value in (("tau", tau), ("tau_last", tau_last)):
        if not 0 <= as_number(value) < 1:
            raise AttributionError(f"{name} is {value!r}: it must be at least 0 and below 1")
    if not 0 <= as_number(lam) < math.inf:
        raise AttributionError(f"lam is {lam!r}: it must not be negative, nor infinite")
    if type(readout) is not int or not 0 <= readout < maps.shape[1]:
        raise AttributionError(f"readout is {readout!r}: it must be the index of one of the {maps.shape[1]} tokens")
    if variant not in VARIANTS:
        raise AttributionError(f"variant is {variant!r}: it must be one of {', '.join(VARIANTS)}")
