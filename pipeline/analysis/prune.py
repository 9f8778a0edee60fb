"""Statistics of the head-pruning experiment (docs/method.md, "Head pruning")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.curves import CURVE_STEP, ROUNDING, accuracy_points, auc, normalised_auc, r_star
from pipeline.analysis.methods import FACTORS, named
from pipeline.analysis.outcomes import Findings, correctness
from pipeline.analysis.quantities import Prune
from pipeline.analysis.statistics import Mean, Measure, Single, statistics
from pipeline.values.columns import ATTRIBUTION, FACTOR, RANDOM

if TYPE_CHECKING:
    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

CURVE = ("method", "normalise", "order")
OWN = (ATTRIBUTION, "none")  # the paper does not divide it
PAPERS_TAYLOR = ("taylor_authors", "layer_l2")  # but it divides this
DIVIDED = {"none": "", "layer_l2": ", divided by layer"}


@dataclass(frozen=True)
class Order:
    """A ranking of heads; `order` counts the random ones."""

    method: str  # or factor/<name>, which is attribution with that changed
    normalise: str
    order: int

    @property
    def factor(self) -> str | None:
        """What was changed about attribution, if something was."""
        return self.method.removeprefix(FACTOR) if self.method.startswith(FACTOR) else None


def analyse(outcomes: Outcomes, _values: Params) -> Findings:
    """Curves of every ranking of every model; areas under them, and attribution's leads, of every task."""
    records, curves, found = [], [], []
    for task in outcomes.tasks:
        measured, examples = [], []
        for model in outcomes.of_task(task):
            axes = (CURVE, ("rate", "n_masked"), ("example_id", "label"))
            (places, steps, who), correct = correctness(outcomes.table("prune", model), axes)
            orders, counts = [Order(**place) for place in places], [step["n_masked"] for step in steps]
            rates, labels = [step["rate"] for step in steps], [one["label"] for one in who]
            curves += curve_rows(orders, correct, counts=counts, rates=rates, **model._asdict())
            measured.append(measures(orders, correct, rates=rates))
            examples.append([one["example_id"] for one in who])
            sizes = {"n_importance": outcomes.split_sizes(model)["importance"], "n_heads_total": max(counts)}
            records.append(model._asdict() | facts(orders, correct, labels=labels, rates=rates) | sizes)
        found += statistics(task, measured, examples=examples)
    return Findings(records, found, {"curves": curves})


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
    return [
        {"task": task, "seed": seed, "method": ranking.method, "normalise": ranking.normalise}
        | {"order": ranking.order, "rate": rate, "n_masked": count, **point}
        for ranking, hits in zip(orders, correct, strict=True)
        for rate, count, point in zip(rates, counts, accuracy_points(hits), strict=True)
    ]


def measures(orders: Sequence[Order], correct: NDArray[np.bool_], *, rates: Sequence[float]) -> dict[Key, Measure]:
    """What one model's curves, `(ranking, rate, example)`, say of each method, and of attribution beside others.

    AUCs (trapezoid over the rate) and their differences are in points; `how` is how the importance was normalised.

    - `auc/<method>/<how>`: area under the curve; of the random orders their mean
    - `lead/<method>/<how>`: attribution's AUC minus that method's, both normalised so; over the random orders' mean
    - `lead/paper`: the pair that the paper compared, attribution undivided minus the released code's Taylor divided
    - `beaten/random`: share of the random orders whose AUC is at least that of attribution, undivided
    - `factor/<name>`: AUC of attribution with one thing changed minus that of attribution, undivided
    """
    areas = 100 * auc(rates, correct.transpose(0, 2, 1))  # (ranking, example)
    random = areas[[n for n, one in enumerate(orders) if one.method == RANDOM]]
    ranked: dict[tuple[str, str], NDArray[np.float64]] = {
        (one.method, one.normalise): area
        for one, area in zip(orders, areas, strict=True)
        if one.method != RANDOM and not one.factor
    }
    if len(random):
        ranked[RANDOM, "none"] = random.mean(axis=0)
    found: dict[Key, Measure] = {}
    for (method, how), area in ranked.items():
        auc_of = Prune.RANDOM_AUC.key() if method == RANDOM else Prune.AUC.key(method=method, how=how)
        found[auc_of] = Mean(f"AUC, {named(method)}{DIVIDED[how]}", "points", area, step=CURVE_STEP)
    for (method, how), area in ranked.items():
        own = ranked.get((ATTRIBUTION, how))
        if own is not None and method != ATTRIBUTION:
            label = f"AUC, attribution minus {named(method)}{DIVIDED[how].replace('divided', 'both divided')}"
            lead = Prune.RANDOM_LEAD.key() if method == RANDOM else Prune.LEAD.key(against=method, how=how)
            found[lead] = Mean(label, "points", own - area, step=CURVE_STEP)
    if OWN not in ranked:
        return found
    own = ranked[OWN]
    if PAPERS_TAYLOR in ranked:
        method, how = PAPERS_TAYLOR
        label = f"AUC, attribution minus {named(method)}{DIVIDED[how]}, the paper's pair"
        found[Prune.PAPERS_LEAD.key()] = Mean(label, "points", own - ranked[PAPERS_TAYLOR], step=CURVE_STEP)
    if len(random):
        share = float((random.mean(axis=1) >= own.mean() - ROUNDING).mean())
        found[Prune.BEATEN.key()] = Single(
            "share of random orders that prune at least as well", "share", share, within=(0, 1)
        )
    for one, area in zip(orders, areas, strict=True):
        if one.factor:
            label = f"{FACTORS[one.factor]}: AUC minus that without the change"
            found[Prune.FACTOR.key(factor=one.factor)] = Mean(label, "points", area - own, step=CURVE_STEP)
    return found


def facts(
    orders: Sequence[Order], correct: NDArray[np.bool_], *, labels: Sequence[int], rates: Sequence[float]
) -> dict[str, Any]:
    """What else a model's curves show: nAUC and r* of every ranking, and between which AUCs its random orders lie."""
    majority, n = float(np.bincount(labels).max() / len(labels)), len(labels)
    accuracy = correct.mean(axis=2)  # (ranking, rate)
    random = 100 * auc(rates, accuracy[[number for number, one in enumerate(orders) if one.method == RANDOM]])
    return {
        "n": n,
        "majority": majority,
        "baseline_accuracy": float(accuracy[0, 0]),
        "rankings": [
            {"method": one.method, "normalise": one.normalise, "auc": float(100 * auc(rates, curve))}
            | {"nauc": normalised_auc(rates, curve, majority=majority, n=n), "r_star": r_star(rates, curve)}
            for one, curve in zip(orders, accuracy, strict=True)
            if one.method != RANDOM
        ],
        "random": {"orders": len(random), "lowest": float(random.min()), "highest": float(random.max())}
        if len(random)
        else None,
    }
