"""Statistics of the head-pruning experiment (docs/method.md, "Head pruning")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.curves import auc, equivalence_verdict, normalised_auc, r_star
from pipeline.analysis.intervals import bootstrap_means, wilson_interval
from pipeline.analysis.outcomes import Findings, correctness

if TYPE_CHECKING:
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

CURVE = ("method", "normalise", "order")


@dataclass(frozen=True)
class Order:
    """A ranking of heads; `order` counts the random ones."""

    method: str
    normalise: str
    order: int


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """Curves and areas of every ranking of every model, and attribution's leads."""
    records, curves = [], []
    for model in outcomes.models:
        axes = (CURVE, ("rate", "n_masked"), ("example_id", "label"))
        (places, steps, examples), correct = correctness(outcomes.table("prune", model), axes)
        orders, counts = [Order(**place) for place in places], [step["n_masked"] for step in steps]
        rates, labels = [step["rate"] for step in steps], [example["label"] for example in examples]
        curves += curve_rows(orders, correct, counts=counts, rates=rates, **model._asdict())
        draws = {"draws": values.analyse.bootstrap_draws, "seed": values.analyse.seed}
        found = summary(orders, correct, labels=labels, rates=rates, margin=values.claims.equivalence_margin, **draws)
        sample = outcomes.split_sizes(model)["importance"]
        records.append(model._asdict() | found | {"n_importance": sample, "n_heads_total": max(counts)})
    return Findings(records, tables={"curves": curves})


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
    orders: Sequence[Order],
    correct: NDArray[np.bool_],
    *,
    labels: Sequence[int],
    rates: Sequence[float],
    margin: float,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """AUC, nAUC and r* of every ranking but the random ones, and attribution's leads with a verdict.

    AUCs are in accuracy points (trapezoid over the rate). Intervals come from a bootstrap over examples, paired
    between rankings; `margin` is that of equivalence. The random orders' AUC comes with the 5 % and 95 % quantile over
    the orders.
    """
    areas = 100 * auc(rates, correct.transpose(0, 2, 1))  # (ranking, example)
    ranked = {(one.method, one.normalise): n for n, one in enumerate(orders) if one.method != "random"}
    random = [n for n, one in enumerate(orders) if one.method == "random"]
    columns = {key: areas[number] for key, number in ranked.items()}
    leads = _leads(columns, areas[random].mean(axis=0) if random else None)
    values = np.stack([*columns.values(), *leads.values()], axis=1)
    intervals = bootstrap_means(values, draws=draws, seed=seed)
    majority, n = float(np.bincount(labels).max() / len(labels)), len(labels)
    accuracy = {key: correct[number].mean(axis=1) for key, number in ranked.items()}
    return {
        "n": n,
        "majority": majority,
        "baseline_accuracy": float(correct[0, 0].mean()),
        "rankings": [
            {"method": key[0], "normalise": key[1], "auc": vars(interval), "r_star": r_star(rates, accuracy[key])}
            | {"nauc": normalised_auc(rates, accuracy[key], majority=majority, n=n)}
            for key, interval in zip(columns, intervals, strict=False)
        ],
        "leads": [
            {"normalise": own, "over": method, "over_normalise": how, **vars(interval)}
            | {"verdict": equivalence_verdict(interval, margin)}
            for (own, method, how), interval in zip(leads, intervals[len(columns) :], strict=True)
        ],
        "random": _random(areas[random].mean(axis=1)) if random else None,
    }


def _leads(
    areas: dict[tuple[str, str], NDArray[np.float64]], random: NDArray[np.float64] | None
) -> dict[tuple[str, str, str], NDArray[np.float64]]:
    """Attribution's AUC per example minus every other ranking's of the same normalisation, and minus random's mean.

    Keys are attribution's normalisation, the other's method and its normalisation.
    """
    leads = {}
    for (method, how), area in areas.items():
        own = areas.get(("attribution", how))
        if own is not None and method != "attribution":
            leads[how, method, how] = own - area
        if random is not None and method == "attribution":
            leads[how, "random", "none"] = area - random
    return leads


def _random(areas: NDArray[np.float64]) -> dict[str, Any]:
    low, high = np.quantile(areas, [0.05, 0.95])
    return {"auc_mean": float(areas.mean()), "auc_low": float(low), "auc_high": float(high), "orders": len(areas)}
