"""Statistics of the receptive field (docs/method.md, "Receptive field"): how far tree edges reach, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.intervals import quantiles
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import ReceptiveField
from pipeline.analysis.statistics import ANY, Mean, Measure, Single, statistics

SpecialTokens = Literal["without", "with"]
SELECTIONS: tuple[SpecialTokens, ...] = ("without", "with")
ROUNDING = 12  # decimals; sums of fractions end a rounding error beside what they stand for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.analysis.statistics import Range
    from pipeline.values.schema import Params


class Edges(NamedTuple):
    """Tree edges that are not terminal, each array `(edge,)`, and the number of `layers` that can hold one.

    `within` says that both ends lie in the same segment, `pair` that there are two, `special` that an end is special.
    """

    layers: int
    example: NDArray[Any]
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
        inner = [edges.where(~edges.special) for edges in reach]
        examples = sorted({name for edges in inner for name in edges.example})
        found += statistics(task, [measures(edges, examples=examples, pairs=pairs) for edges in inner])
    return Findings(records, found, {"distances": rows})


def inner_edges(table: pd.DataFrame) -> Edges:
    """The edges that are not terminal of a table as `tree` writes it.

    Its columns are example_id, layer (from 0), query, key, terminal, special, cross, pair. With the terminal edges the
    last layer is left out, which holds nothing else. Without any edge there is one layer, and nothing in it.
    """
    if table.empty:
        numbers, none = np.array([], np.int64), np.array([], np.bool_)
        return Edges(1, np.array([], np.str_), numbers, numbers, none, none, none)
    layer, query, key = (table[name].to_numpy(np.int64) for name in ("layer", "query", "key"))
    flags = ("terminal", "special", "pair", "cross")
    terminal, special, pair, cross = (table[name].to_numpy(np.bool_) for name in flags)
    layers = max(1, int(layer.max()) + (0 if terminal.any() else 1))
    example = table["example_id"].to_numpy(np.str_)
    return Edges(layers, example, layer, np.abs(query - key), special, pair, ~cross).where(~terminal)


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


def measures(edges: Edges, *, examples: Sequence[str], pairs: bool) -> dict[Key, Measure]:
    """What one model's edges say; within a segment only for tasks of `pairs` of sentences.

    - `distance`: mean |query - key|, in tokens
    - `growth`: slope of the mean distance over layers, times their number less one: what it gains from the first layer
      to the last that can hold edges, in tokens
    - `within`, `within_growth`: the same of the share of edges whose ends lie in the same segment

    `examples` are those in which some model of the task has an edge: the others say nothing of any of these.
    """
    found: dict[Key, Measure] = {}
    found[ReceptiveField.DISTANCE.key()] = _over_examples(
        "mean distance of tree edges", "tokens", edges, edges.distance, examples, mean_value
    )
    label = "growth of the mean distance, first to last layer"
    found[ReceptiveField.GROWTH.key()] = _over_examples(label, "tokens", edges, edges.distance, examples, growth)
    if pairs:
        paired = edges.where(edges.pair)
        found[ReceptiveField.WITHIN.key()] = _over_examples(
            "tree edges within a sentence", "share", paired, paired.within, examples, mean_value, (0, 1)
        )
        label = "growth of the share within a sentence, first to last layer"
        found[ReceptiveField.WITHIN_GROWTH.key()] = _over_examples(
            label, "share", paired, paired.within, examples, growth
        )
    return found


def _over_examples(
    label: str,
    unit: str,
    edges: Edges,
    values: NDArray[Any],
    examples: Sequence[str],
    of: Callable[..., Any],
    within: Range = ANY,
) -> Measure:
    """A function `of` sums over edges, as a mean over examples: their jackknife pseudo-values, about its own value.

    The value alone where it is undefined without one of the examples.
    """
    place, layer = np.searchsorted(examples, edges.example), edges.layer.astype(np.float64)
    terms = np.stack([np.ones(len(layer)), layer, values, layer * layer, layer * values])
    # Without any edge NumPy counts in integers.
    sums = np.stack([np.bincount(place, weights=term, minlength=len(examples)) for term in terms]).astype(np.float64)
    total, n = sums.sum(axis=1), len(examples)
    whole, without = of(total, edges.layers), of(total[:, None] - sums, edges.layers)
    if np.isnan(whole) or n < 2 or np.isnan(without).any():
        return Single(label, unit, None if np.isnan(whole) else float(whole), UNDEFINED[of], within)
    pseudo = n * whole - (n - 1) * without
    return Mean(label, unit, pseudo - pseudo.mean() + whole, within=within)


def mean_value(sums: NDArray[np.float64], _layers: int) -> NDArray[np.float64]:
    """Mean of one value per edge; NaN without edges. `sums` as in `growth`."""
    count, _, value, _, _ = sums
    return np.divide(value, count, out=np.full_like(value, np.nan), where=count > 0)


def mean(values: NDArray[Any]) -> float | None:
    """Mean; None of nothing."""
    return float(values.mean()) if len(values) else None


def growth(sums: NDArray[np.float64], layers: int) -> NDArray[np.float64]:
    """Least-squares slope of one value per edge over its layer, times `layers` - 1; NaN with edges in fewer than two.

    `sums` are those of 1, layer, value, layer², layer · value, `(5, ...)`. It is also the line through the layers'
    means, each weighted by its number of edges.
    """
    count, layer, value, squares, products = sums
    spread = count * squares - layer * layer  # an integer: 0 exactly where all edges lie in one layer
    slope = np.divide(count * products - layer * value, spread, out=np.full_like(spread, np.nan), where=spread > 0)
    return np.round(slope * (layers - 1), ROUNDING) + 0.0


UNDEFINED = {mean_value: "its trees have no such edge", growth: "its trees have edges in one layer at most"}
