"""Statistics of the effectiveness experiment (docs/method.md, "Effectiveness")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.curves import CURVE_STEP, accuracy_points, area_between
from pipeline.analysis.methods import named
from pipeline.analysis.outcomes import Findings, correctness
from pipeline.analysis.quantities import Effectiveness
from pipeline.analysis.statistics import Mean, Measure, Ratio, statistics
from pipeline.values.columns import BY_GOLD, BY_PREDICTED, BY_SUM, HIGHEST_FIRST, LOWEST_FIRST, RANDOM

if TYPE_CHECKING:
    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

CURVE = ("method", "direction")
LEADS = ((BY_PREDICTED, Effectiveness.LEAD), (BY_SUM, Effectiveness.SUM_LEAD), (BY_GOLD, Effectiveness.GOLD_LEAD))

Correct = dict[tuple[str, str], NDArray[np.bool_]]  # (method, direction) -> (k, example)


def analyse(outcomes: Outcomes, _values: Params) -> Findings:
    """Curves of every model; areas between them, and accuracy with and without the two highest heads, of every task."""
    records, curves, found = [], [], []
    for task in outcomes.tasks:
        measured, examples = [], []
        for model in outcomes.of_task(task):
            axes = (CURVE, ("k",), ("example_id", "label"))
            (places, _, who), hits = correctness(outcomes.table("effectiveness", model), axes)
            correct = {(place["method"], place["direction"]): of for place, of in zip(places, hits, strict=True)}
            curves += curve_rows(correct, **model._asdict())
            # Of the whole split: what can be had without a model is a fact of the task and not of a sample of it.
            labels = outcomes.predictions(model)["label"].to_numpy()
            measured.append(measures(correct, majority=float(np.bincount(labels).max() / len(labels))))
            examples.append([one["example_id"] for one in who])
            whole = next(iter(correct.values()))[0]
            facts = {"n": len(whole), "n_heads": hits.shape[1] - 1, "baseline_accuracy": float(whole.mean())}
            records.append(model._asdict() | facts)
        found += statistics(task, measured, examples=examples)
    return Findings(records, found, {"curves": curves})


def measures(correct: Correct, *, majority: float) -> dict[Key, Measure]:
    """What one model's curves say of each method, and of attribution beside others: by the predicted label beside all.

    A head's largest score and its sum both do. By the gold label it stands beside attention alone, as in the paper.

    - `area/<method>`: mean over k of accuracy with the k lowest heads masked minus with the k highest, in points
    - `lead/<method>-<other>`: area minus that of the other method, 0 if they know equally much
    - `kept/<method>`: accuracy with the two highest heads of every layer only, minus the whole model's, in points
    - `lost/<method>`: accuracy lost without them, as a share of what the whole model has above the majority class
    - `lost/<method>-random`: accuracy lost without them minus that without two random heads per layer, in points
    """
    methods = list(dict.fromkeys(method for method, _ in correct))
    found: dict[Key, Measure] = {}
    areas = {one: 100 * area_between(correct[one, LOWEST_FIRST].T, correct[one, HIGHEST_FIRST].T) for one in methods}
    for method in methods:
        found[Effectiveness.AREA.key(method=method)] = Mean(
            f"area, {named(method)}", "points", areas[method], step=CURVE_STEP
        )
    for method, lead in LEADS:
        for other in methods:
            if method in methods and lead.has(against=other):
                label = f"area, {named(method)} minus {named(other)}"
                found[lead.key(against=other)] = Mean(label, "points", areas[method] - areas[other], step=CURVE_STEP)
    for method in methods:
        lowest, highest = correct[method, LOWEST_FIRST], correct[method, HIGHEST_FIRST]
        heads, whole = len(lowest) - 1, lowest[0].astype(np.float64)
        kept = 100 * (lowest[max(0, heads - 2)] - whole)
        label = f"accuracy with the two highest heads of every layer only minus the whole model's, {named(method)}"
        found[Effectiveness.KEPT.key(method=method)] = Mean(label, "points", kept, step=100)
        label = f"accuracy lost without them, of what is above the majority class, {named(method)}"
        found[Effectiveness.LOST.key(method=method)] = Ratio(
            label, "share", whole - highest[min(2, heads)], whole - majority, step=1
        )
    if {BY_PREDICTED, RANDOM} <= {*methods}:
        ranked, random = (correct[one, HIGHEST_FIRST] for one in (BY_PREDICTED, RANDOM))
        at = min(2, len(ranked) - 1)
        beyond = 100 * (random[at].astype(np.float64) - ranked[at])
        label = "accuracy lost without the two highest heads of every layer minus without two random ones"
        found[Effectiveness.LOST_BEYOND_RANDOM.key()] = Mean(label, "points", beyond, step=100)
    return found


def curve_rows(correct: Correct, *, task: str, seed: int) -> list[dict[str, Any]]:
    """Accuracy (a fraction, with its Wilson interval) after masking k heads per layer, one row per curve and k."""
    return [
        {"task": task, "seed": seed, "method": method, "direction": direction, "k": k, **point}
        for (method, direction), hits in correct.items()
        for k, point in enumerate(accuracy_points(hits))
    ]
