"""Statistics of the effectiveness experiment (docs/method.md, "Effectiveness")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.curves import area_between
from pipeline.analysis.intervals import bootstrap_means, wilson_interval
from pipeline.analysis.outcomes import Findings, correctness

if TYPE_CHECKING:
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

CURVE = ("method", "direction")

Correct = dict[tuple[str, str], NDArray[np.bool_]]  # (method, direction) -> (k, example)


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """Curves, areas between them, and accuracy with and without the two highest heads, of every model."""
    records, curves = [], []
    for model in outcomes.models:
        (places, *_), hits = correctness(outcomes.table("effectiveness", model), (CURVE, ("k",), ("example_id",)))
        correct = {(place["method"], place["direction"]): of for place, of in zip(places, hits, strict=True)}
        curves += curve_rows(correct, **model._asdict())
        found = summary(correct, draws=values.analyse.bootstrap_draws, seed=values.analyse.seed)
        records.append(model._asdict() | found)
    return Findings(records, {"curves": curves})


def curve_rows(correct: Correct, *, task: str, seed: int) -> list[dict[str, Any]]:
    """Accuracy (a fraction, with its Wilson interval) after masking k heads per layer, one row per curve and k."""
    rows = []
    for (method, direction), hits in correct.items():
        n = hits.shape[1]
        low, high = wilson_interval(hits.sum(axis=1), n)
        for k, count in enumerate(hits.sum(axis=1).tolist()):
            rows.append(
                {"task": task, "seed": seed, "method": method, "direction": direction, "k": k, "n": n}
                | {"correct": count, "accuracy": count / n, "low": float(low[k]), "high": float(high[k])}
            )
    return rows


def _accuracy(hits: NDArray[np.bool_]) -> dict[str, float]:
    low, high = wilson_interval(hits.sum(), len(hits))
    return {"accuracy": float(hits.mean()), "low": float(low), "high": float(high)}


def summary(correct: Correct, *, draws: int, seed: int) -> dict[str, Any]:
    """The area between the two curves of each method and of every pair of methods, in accuracy points, with intervals.

    Intervals come from a bootstrap over examples, paired between methods. `keep_top2` and `remove_top2` are the
    accuracies (fractions) with all but, and without, the two highest heads of every layer.
    """
    methods = list(dict.fromkeys(method for method, _ in correct))
    areas = {
        method: 100 * area_between(correct[method, "lowest_first"].T, correct[method, "highest_first"].T)
        for method in methods
    }
    pairs = [(a, b) for number, a in enumerate(methods) for b in methods[number + 1 :]]
    values = [*areas.values(), *(areas[a] - areas[b] for a, b in pairs)]
    intervals = [vars(interval) for interval in bootstrap_means(np.stack(values, axis=1), draws=draws, seed=seed)]
    any_curve = next(iter(correct.values()))
    heads = len(any_curve) - 1
    return {
        "n": any_curve.shape[1],
        "n_heads": heads,
        "baseline_accuracy": float(any_curve[0].mean()),
        "area": dict(zip(methods, intervals, strict=False)),
        "area_difference": [
            {"method": a, "minus": b, **interval}
            for (a, b), interval in zip(pairs, intervals[len(methods) :], strict=True)
        ],
        "keep_top2": {method: _accuracy(correct[method, "lowest_first"][max(0, heads - 2)]) for method in methods},
        "remove_top2": {method: _accuracy(correct[method, "highest_first"][min(2, heads)]) for method in methods},
    }
