"""Statistics of the receptive field (docs/method.md, "Receptive field"): how far tree edges reach, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.analysis.intervals import quantiles
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.resamples import interval_of, ratio, resampled_sums

SpecialTokens = Literal["without", "with"]
SELECTIONS: tuple[SpecialTokens, ...] = ("without", "with")

if TYPE_CHECKING:
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params


@dataclass(frozen=True)
class Reach:
    """Tree edges by layer: their distances, and sums over all examples and then over resamples, `(1 + draws, layer)`.

    `edges` counts them, `distance` adds their |query - key|; `pair_edges` counts those of examples with two segments,
    and `within` those of them that stay in one segment.
    """

    distances: list[NDArray[np.int64]]
    edges: NDArray[np.float64]
    distance: NDArray[np.float64]
    pair_edges: NDArray[np.float64]
    within: NDArray[np.float64]


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """The reach of the trees' edges of every model; the statistics at the top are those without special tokens."""
    records, rows = [], []
    for model in outcomes.models:
        edges = outcomes.table("tree", model, name="edges")
        reach = measure_reach(edges, draws=values.analyse.bootstrap_draws, seed=values.analyse.seed)
        n = len(set(edges["example_id"])) if len(edges) else 0
        rows += distance_rows(reach, **model._asdict(), n=n)
        found = {"n": n, "layers": len(reach["with"].distances), **summary(reach["without"])}
        records.append(model._asdict() | found | {"with_special": summary(reach["with"])})
    return Findings(records, tables={"distances": rows})


def measure_reach(edges: pd.DataFrame, *, draws: int, seed: int) -> dict[SpecialTokens, Reach]:
    """The reach of the edges of all examples, without and with those that touch a special token.

    `edges` is what `tree` writes: example_id, layer (from 0), query, key, terminal, special, cross, pair. Terminal
    edges are left out, and with them the last layer, which holds nothing else. Examples are resampled whole, the same
    ones for both selections. Without any edge there is one layer, and nothing in it.
    """
    if edges.empty:
        nothing = Reach([np.array([], np.int64)], *np.zeros((4, 1, 1)))
        return dict.fromkeys(SELECTIONS, nothing)
    example, names = pd.factorize(edges["example_id"])
    layer, query, key = (edges[name].to_numpy(np.int64) for name in ("layer", "query", "key"))
    terminal, special, pair, cross = (edges[name].to_numpy(bool) for name in ("terminal", "special", "pair", "cross"))
    inner, distance = ~terminal, np.abs(query - key)
    layers = max(1, int(layer.max()) + (0 if terminal.any() else 1))
    chosen = {"without": inner & ~special, "with": inner}
    parts = []  # of every selection: edges, distance, pair_edges, within; each (example, layer)
    for mask in chosen.values():
        place = example[mask] * layers + layer[mask]
        for weight in (np.ones(len(edges)), distance, pair, pair & ~cross):
            sums = np.bincount(place, weights=weight[mask], minlength=len(names) * layers)
            parts.append(sums.reshape(len(names), layers))
    sums = resampled_sums(np.stack(parts, axis=1), draws=draws, seed=seed)
    return {
        name: Reach([distance[chosen[name] & (layer == number)] for number in range(layers)], *of_selection)
        for name, of_selection in zip(SELECTIONS, np.split(sums.swapaxes(0, 1), 2), strict=True)
    }


def distance_rows(reach: dict[SpecialTokens, Reach], *, task: str, seed: int, n: int) -> list[dict[str, Any]]:
    """One row per selection and layer: quantiles of the distance in tokens, and the share of edges within a segment.

    The share is a fraction, with its interval, and only for pairs of sentences. A layer without edges has none of
    them; `n` is the number of examples.
    """
    rows = []
    for name, part in reach.items():
        share = ratio(part.within, part.pair_edges)
        for layer, distances in enumerate(part.distances):
            within = interval_of(share[:, layer])
            rows.append(
                {"task": task, "seed": seed, "special_tokens": name, "layer": layer, "n": n, "edges": len(distances)}
                | {"mean": float(distances.mean()) if len(distances) else None}
                | quantiles(distances)
                | {"within": within.value if within else None}
                | {"within_low": within.low if within else None, "within_high": within.high if within else None}
            )
    return rows


def summary(reach: Reach) -> dict[str, Any]:
    """Number of edges; mean distance and its slope over layers; share of edges within a segment and its slope.

    Distances are in tokens, shares are fractions, slopes are per layer. All but the number come with an interval; they
    are None where they are undefined: shares without pairs of sentences, slopes with edges in fewer than two layers.
    """
    values = {
        "distance": ratio(reach.distance.sum(axis=1), reach.edges.sum(axis=1)),
        "slope": slope(reach.distance, reach.edges),
        "within": ratio(reach.within.sum(axis=1), reach.pair_edges.sum(axis=1)),
        "within_slope": slope(reach.within, reach.pair_edges),
    }
    intervals = {name: interval_of(value) for name, value in values.items()}
    return {"edges": int(reach.edges[0].sum())} | {
        name: vars(interval) if interval else None for name, interval in intervals.items()
    }


def slope(totals: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope of the mean `totals / counts` over layers, each weighted by its count: `(..., layer)` to `(...)`.

    This is the least-squares line through the single edges. NaN with edges in fewer than two layers.
    """
    layers = np.arange(counts.shape[-1])
    centre = ratio((counts * layers).sum(axis=-1), counts.sum(axis=-1))
    offset = layers - centre[..., None]
    return ratio((totals * offset).sum(axis=-1), (counts * offset**2).sum(axis=-1))
