"""Views as data of the page: JSON, in which numbers are rounded and the maps of all heads are whole numbers, deflated.

The maps are by far the most: per example and class a number per layer, head, query and key. A map holds multiples of
its largest magnitude over `levels`, so that each value is off by at most half of such a step; how many levels there are
is what the size leaves room for.
"""

from __future__ import annotations

import base64
import json
import math
import zlib
from bisect import bisect_left
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attattr.viewer.characters import marks
from attattr.viewer.kinds import name_of
from attattr.viewer.tree_words import tree_words
from attattr.viewer.view import THRESHOLDS
from attattr.viewer.words import answer, is_foreign, unknown_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from attattr.viewer.tree_words import TreeWords
    from attattr.viewer.view import Explanation, Share, View

MOST_BYTES = 1_900_000
LEVELS = (127, 90, 63, 45, 31, 22, 15, 11, 7, 5, 4, 3, 2, 1)
STRONGEST = 200  # edges of the table of all heads
DIGITS = 4
# Of what sentences say, too: rounded twice, 0.97649 would be 0.976 there and 0.977 in a table.
SAID_DIGITS = 9


def packed(views: Sequence[View], *, most_bytes: int = MOST_BYTES) -> list[dict[str, Any]]:
    """The examples as the page reads them; as JSON at most `most_bytes`, save where one level is still too much."""
    details = [[_deflated(json.dumps(_details(view, one)).encode()) for one in view.explanations] for view in views]
    plain = [_plain(view) for view in views]

    @cache
    def examples(levels: int) -> list[dict[str, Any]]:
        return [_example(*parts, levels) for parts in zip(views, plain, details, strict=True)]

    # The fewer levels, the smaller: those that fit are at the end.
    first = bisect_left(LEVELS[:-1], True, key=lambda levels: len(json.dumps(examples(levels))) <= most_bytes)
    return examples(LEVELS[first])


def _example(view: View, plain: dict[str, Any], details: Sequence[str], levels: int) -> dict[str, Any]:
    attention, *maps = _maps(view, levels)
    classes = [
        {"target": one.target, "details": text, "maps": of_class}
        for one, text, of_class in zip(view.explanations, details, maps, strict=True)
    ]
    return {**plain, "levels": levels, "attention": attention, "explanations": classes}


def _plain(view: View) -> dict[str, Any]:
    """What is small, and can be read in the page's source."""
    layers, heads = view.attention.shape[:2]
    return {
        "name": view.name,
        "task": view.task,
        "tokens": list(view.tokens),
        "marks": marks(view.tokens),
        "special": list(view.special),
        "unknown": list(view.unknown),
        "warning": unknown_words(view),
        "foreign": is_foreign(view),
        "classes": list(view.classes),
        "probabilities": [said(value) for value in view.probabilities],
        "kind": view.kind,
        "values": [said(value) for value in view.values],
        "gold": view.gold,
        "predicted": list(view.predicted),
        "layers": layers,
        "heads": heads,
        "top": strongest_edges(view.explanations[0].attribution, 1)[0][:2],
    }


def _details(view: View, one: Explanation) -> dict[str, Any]:
    """Words and numbers of one class: by token, head and layer; its trees; its strongest edges."""
    trees = list(dict.fromkeys(tree.edges for tree in one.trees))
    return {
        "output": name_of(one.output, view.kind),
        "value": said(one.value),
        "tokens": _numbers(one.passed_on),
        "heads": {method: _numbers(values) for method, values in one.heads.items()},
        "convergence": {
            "steps": list(one.steps),
            "error": [said(value) for value in one.estimated_error],
            "unconverged": list(one.unconverged),
            "gap": [rounded(value) for value in one.completeness_gap],
            "change": [rounded(value) for value in one.output_change],
            "absolute": [rounded(value) for value in one.absolute],
        },
        "root": one.trees[0].root if one.trees else None,
        "trees": [[[edge.query, edge.key, edge.layer, rounded(edge.value)] for edge in edges] for edges in trees],
        "at": [trees.index(tree.edges) for tree in one.trees],
        "shares": _shares(one.shares),
        "edges": strongest_edges(one.attribution, STRONGEST),
        "answer": answer(view, one, one.shares[0] if one.shares else None),
        "words": _words(view, one),
    }


def _words(view: View, one: Explanation) -> list[TreeWords]:
    """Of the tree at every threshold."""
    trees = list(zip(THRESHOLDS, one.trees, strict=False))
    return [
        tree_words(view, one, tree, tau=tau, carried=carried, lower=reversed(trees[:step]))
        for step, ((tau, tree), carried) in enumerate(zip_longest(trees, one.shares))
    ]


def _shares(shares: Sequence[Share]) -> dict[str, Any] | None:
    """By the name of the set, the value of F at every threshold; of random trees the lowest, the mean, the highest."""
    if not shares:
        return None
    return {
        "full": said(shares[0].full),
        "none": said(shares[0].none),
        "tree": [said(one.tree) for one in shares],
        "gradient": [said(one.gradient_x_attention) for one in shares],
        "largest": [said(one.largest) for one in shares],
        "random": [
            [said(value) for value in (min(one.random), math.fsum(one.random) / len(one.random), max(one.random))]
            for one in shares
        ],
    }


def strongest_edges(attribution: Tensor, count: int) -> list[list[float]]:
    """The edges of largest magnitude, as layer, head, query, key, value; ties go by index."""
    _, heads, n, _ = attribution.shape
    values = attribution.flatten()
    magnitude = values.abs()
    # The smallest that is taken first: to sort all of a long text's takes as long as to attribute it.
    least = magnitude.topk(min(count, len(values))).values[-1]
    places = (magnitude >= least).nonzero().flatten()
    order = places[magnitude[places].argsort(descending=True, stable=True)][:count].tolist()
    edges = []
    for place in order:
        rest, key = divmod(place, n)
        rest, query = divmod(rest, n)
        edges.append([*divmod(rest, heads), query, key, rounded(float(values[place]))])
    return edges


def _maps(view: View, levels: int) -> list[dict[str, Any]]:
    """The packed maps of attention, then of every class; a class's that are minus another's are only said to be so."""
    found: list[dict[str, Any]] = [_packed_maps(view.attention, levels)]
    for number, one in enumerate(view.explanations):
        minus = next(
            (k for k in range(number) if torch.equal(view.explanations[k].attribution, -one.attribution)), None
        )
        found.append(_packed_maps(_with_sum(one.attribution), levels) if minus is None else {"minus": minus})
    return found


def _with_sum(attribution: Tensor) -> Tensor:
    """The maps and, as one head more, their sum over heads."""
    return torch.cat([attribution, attribution.sum(dim=1, keepdim=True)], dim=1)


def _packed_maps(maps: Tensor, levels: int) -> dict[str, Any]:
    """`(layer, head, query, key)` as signed bytes in this order, and the largest magnitude of each map."""
    scale = _numbers(maps.abs().amax(dim=(2, 3)))
    # By the rounded scale, as the page multiplies by that one.
    largest = torch.tensor(scale, dtype=torch.float64)[:, :, None, None]
    whole = (maps / largest * levels).nan_to_num().round().to(torch.int8)
    # In numbers nothing is found again but runs of zeros; to look for more costs seconds, and bytes.
    return {"scale": scale, "bytes": _deflated(np.asarray(whole).tobytes(), strategy=zlib.Z_RLE)}


def _deflated(data: bytes, *, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> str:
    stream = zlib.compressobj(level=9, strategy=strategy)
    return base64.b64encode(stream.compress(data) + stream.flush()).decode()


def _numbers(values: Tensor) -> Any:
    """A tensor as nested lists of rounded numbers."""
    return [_numbers(row) for row in values] if values.ndim > 1 else [rounded(value) for value in values.tolist()]


def rounded(value: float) -> float | None:
    """To `DIGITS` significant digits; None for what is no number, which JSON has none of."""
    return _to(DIGITS, value)


def said(value: float) -> float | None:
    """To `SAID_DIGITS`; None for what is no number."""
    return _to(SAID_DIGITS, value)


def _to(digits: int, value: float) -> float | None:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
