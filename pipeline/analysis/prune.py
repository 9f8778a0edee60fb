"""Statistics of the head-pruning experiment (docs/method.md, "Head pruning")."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.curves import auc, equivalence_verdict, normalised_auc, r_star
from pipeline.analysis.intervals import bootstrap_means, wilson_interval
from pipeline.values.schema import Prune


class Order(Protocol):
    """What is needed of a ranking of heads."""

    @property
    def method(self) -> str: ...  # noqa: D102
    @property
    def normalise(self) -> str: ...  # noqa: D102
    @property
    def order(self) -> int: ...  # noqa: D102


def curve_rows(
    orders: Sequence[Order],
    correct: NDArray[np.bool_],
    *,
    counts: Sequence[int],
    rates: Sequence[float],
    task: str,
    seed: int,
) -> list[dict[str, Any]]:
    """Accuracy (a fraction, with its Wilson interval) at every rate; `correct` is `(ranking, rate, example)`."""
    rows = []
    n = correct.shape[2]
    for ranking, hits in zip(orders, correct.sum(axis=2), strict=True):
        low, high = wilson_interval(hits, n)
        for number, rate in enumerate(rates):
            rows.append(
                {"task": task, "seed": seed, "method": ranking.method, "normalise": ranking.normalise}
                | {"order": ranking.order, "rate": rate, "n_masked": counts[number], "n": n}
                | {"correct": int(hits[number]), "accuracy": float(hits[number] / n)}
                | {"low": float(low[number]), "high": float(high[number])}
            )
    return rows


def summary(
    orders: Sequence[Order], correct: NDArray[np.bool_], *, labels: Sequence[int], settings: Prune
) -> dict[str, Any]:
    """AUC, nAUC and r* of every ranking, and differences to attribution's AUC with a verdict.

    AUCs are in accuracy points (trapezoid over the rate). Intervals come from a bootstrap over examples, paired
    between rankings. The random orders' AUC comes with the 5 % and 95 % quantile over the orders.
    """
    rates = settings.rates
    areas = 100 * auc(rates, correct.transpose(0, 2, 1))  # (ranking, example)
    keys = {f"{o.method}/{o.normalise}": number for number, o in enumerate(orders) if o.method != "random"}
    random = [number for number, o in enumerate(orders) if o.method == "random"]
    columns = {key: areas[number] for key, number in keys.items()}
    differences = _differences(columns, areas[random].mean(axis=0) if random else None)
    values = np.stack([*columns.values(), *differences.values()], axis=1)
    intervals = bootstrap_means(values, draws=settings.bootstrap_draws, seed=settings.seed)
    majority = float(np.bincount(labels).max() / len(labels))
    accuracy = {key: correct[number].mean(axis=1) for key, number in keys.items()}
    return {
        "n": len(labels),
        "majority": majority,
        "baseline_accuracy": float(correct[0, 0].mean()),
        "auc": {key: vars(interval) for key, interval in zip(columns, intervals, strict=False)},
        "nauc": {key: normalised_auc(rates, a, majority=majority, n=len(labels)) for key, a in accuracy.items()},
        "r_star": {key: r_star(rates, a) for key, a in accuracy.items()},
        "delta_auc": {
            key: vars(interval) | {"verdict": equivalence_verdict(interval, settings.equivalence_margin)}
            for key, interval in zip(differences, intervals[len(columns) :], strict=True)
        },
        "random": _random(areas[random].mean(axis=1)) if random else None,
    }


def _differences(
    areas: dict[str, NDArray[np.float64]], random: NDArray[np.float64] | None
) -> dict[str, NDArray[np.float64]]:
    """Attribution's AUC per example minus every other ranking's of the same normalisation, and minus random's mean."""
    differences = {}
    for key, area in areas.items():
        method, how = key.split("/")
        own = areas.get(f"attribution/{how}")
        if own is not None and method != "attribution":
            differences[f"attribution/{how} - {key}"] = own - area
        if random is not None and method == "attribution":
            differences[f"{key} - random/none"] = area - random
    return differences


def _random(areas: NDArray[np.float64]) -> dict[str, Any]:
    low, high = np.quantile(areas, [0.05, 0.95])
    return {"auc_mean": float(areas.mean()), "auc_low": float(low), "auc_high": float(high), "orders": len(areas)}
