"""Statistics of the receptive field (docs/method.md, "Receptive field"): how far tree edges reach, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.intervals import quantiles
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import ReceptiveField
from pipeline.analysis.statistics import Measure, Single, statistics

SpecialTokens = Literal["without", "with"]
SELECTIONS: tuple[SpecialTokens, ...] = ("without", "with")
ROUNDING = 12  # decimals; sums of fractions end a rounding error beside what they stand for
NO_EDGES, ONE_LAYER = "its trees have no such edge", "its trees have edges in one layer at most"

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params


class Edges(NamedTuple):
    """Tree edges that are not terminal, each array `(edge,)`, and the number of `layers` that can hold one.

    `within` says that both ends lie in the same segment, `pair` that there are two, `special` that an end is special.
    """

    layers: int
    layer: NDArray[Any]
    distance: NDArray[Any]
    special: NDArray[Any]
    pair: NDArray[Any]
    within: NDArray[Any]

    def where(self, chosen: NDArray[np.bool_]) -> Edges:
        """The chosen ones of them."""
        return Edges(self.layers, *(column[chosen] for column in self[1:]))


def analyse(outcomes: Outcomes, _values: Params) -> Findings:
    """The reach of the trees' edges of every model; statistics are of the edges that touch no special token."""
    records, rows, found = [], [], []
    for task in outcomes.tasks:
        models = outcomes.of_task(task)
        tables = [outcomes.table("tree", model, name="edges") for model in models]
        reach = [inner_edges(table) for table in tables]
        pairs = any(edges.pair.any() for edges in reach)
        for model, table, edges in zip(models, tables, reach, strict=True):
            n = len(set(table["example_id"])) if len(table) else 0
            rows += distance_rows(edges, **model._asdict(), n=n)
            counts = {"edges": int((~edges.special).sum()), "edges_with_special": len(edges.layer)}
            records.append(model._asdict() | {"n": n, "layers": edges.layers} | counts)
        found += statistics(task, [measures(edges.where(~edges.special), pairs=pairs) for edges in reach])
    return Findings(records, found, {"distances": rows})


def inner_edges(table: pd.DataFrame) -> Edges:
    """The edges that are not terminal of a table as `tree` writes it.

    Its columns are example_id, layer (from 0), query, key, terminal, special, cross, pair. With the terminal edges the
    last layer is left out, which holds nothing else. Without any edge there is one layer, and nothing in it.
    """
    if table.empty:
        numbers, none = np.array([], np.int64), np.array([], np.bool_)
        return Edges(1, numbers, numbers, none, none, none)
    layer, query, key = (table[name].to_numpy(np.int64) for name in ("layer", "query", "key"))
    flags = ("terminal", "special", "pair", "cross")
    terminal, special, pair, cross = (table[name].to_numpy(np.bool_) for name in flags)
    layers = max(1, int(layer.max()) + (0 if terminal.any() else 1))
    return Edges(layers, layer, np.abs(query - key), special, pair, ~cross).where(~terminal)


def distance_rows(edges: Edges, *, task: str, seed: int, n: int) -> list[dict[str, Any]]:
    """One row per selection and layer: quantiles of the distance in tokens, and the share of edges within a segment.

    The share is a fraction, and only for pairs of sentences. A layer without edges has none of them; `n` is the number
    of examples.
    """
    rows = []
    for name in SELECTIONS:
        for layer in range(edges.layers):
            there = edges.where((edges.layer == layer) & ((name == "with") | ~edges.special))
            rows.append(
                {"task": task, "seed": seed, "special_tokens": name, "layer": layer, "n": n}
                | {"edges": len(there.layer), "mean": mean(there.distance)}
                | quantiles(there.distance)
                | {"within": mean(there.within[there.pair])}
            )
    return rows


def measures(edges: Edges, *, pairs: bool) -> dict[Key, Measure]:
    """One number of a model each; None where it is undefined. Within a segment only for tasks of `pairs` of sentences.

    - `distance`: mean |query - key|, in tokens
    - `growth`: slope of the mean distance over layers, times their number less one: what it gains from the first layer
      to the last that can hold edges, in tokens
    - `within`, `within_growth`: the same of the share of edges whose ends lie in the same segment
    """
    found: dict[Key, Measure] = {}
    found[ReceptiveField.DISTANCE.key()] = Single(
        "mean distance of tree edges", "tokens", mean(edges.distance), NO_EDGES
    )
    label = "growth of the mean distance, first to last layer"
    found[ReceptiveField.GROWTH.key()] = Single(
        label, "tokens", growth(edges.layer, edges.distance, edges.layers), ONE_LAYER
    )
    if pairs:
        paired = edges.where(edges.pair)
        found[ReceptiveField.WITHIN.key()] = Single(
            "tree edges within a sentence", "share", mean(paired.within), NO_EDGES
        )
        label = "growth of the share within a sentence, first to last layer"
        found[ReceptiveField.WITHIN_GROWTH.key()] = Single(
            label, "share", growth(paired.layer, paired.within, edges.layers), ONE_LAYER
        )
    return found


def mean(values: NDArray[Any]) -> float | None:
    """Mean; None of nothing."""
    return float(values.mean()) if len(values) else None


def growth(layer: NDArray[Any], values: NDArray[Any], layers: int) -> float | None:
    """Least-squares slope of one value per edge over its layer, times `layers` - 1; None with edges in fewer than two.

    It is also the line through the layers' means, each weighted by its number of edges.
    """
    if len(np.unique(layer)) < 2:
        return None
    offset = layer - layer.mean()
    return round(float((offset * values).sum() / (offset**2).sum()) * (layers - 1), ROUNDING) + 0.0
