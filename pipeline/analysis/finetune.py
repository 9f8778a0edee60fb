"""Accuracy of the fine-tuned models (docs/method.md, "Intervals and verdicts")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.intervals import wilson_interval
from pipeline.analysis.outcomes import Findings
from pipeline.data.tasks import TASKS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params


def analyse(outcomes: Outcomes, _values: Params) -> Findings:
    """The dev accuracy of every model."""
    records = []
    for model in outcomes.models:
        found = outcomes.predictions(model)
        labels, predicted = found["label"].to_numpy(), found["predicted"].to_numpy()
        records.append(model._asdict() | accuracies(predicted, labels, task=model.task))
    return Findings(records)


def _accuracy(hits: NDArray[np.bool_]) -> dict[str, Any]:
    low, high = wilson_interval(hits.sum(), len(hits))
    return {"accuracy": float(hits.mean()), "low": float(low), "high": float(high), "n": len(hits)}


def accuracies(predicted: ArrayLike, labels: ArrayLike, *, task: str) -> dict[str, Any]:
    """Overall and per-class accuracy (fractions) with 95 % Wilson intervals; F1 of class 1 where the task reports it.

    Both are class ids, one per example. A class that does not occur has no entry.
    """
    named, gold = np.asarray(predicted), np.asarray(labels)
    hits, overall = named == gold, _accuracy(named == gold)
    classes = {name: gold == number for number, name in enumerate(TASKS[task].labels)}
    per_class = {name: _accuracy(hits[members]) for name, members in classes.items() if members.any()}
    metrics = {
        "n": overall["n"],
        "accuracy": overall["accuracy"],
        "accuracy_low": overall["low"],
        "accuracy_high": overall["high"],
        "per_class": per_class,
    }
    if TASKS[task].reports_f1:
        either = int((named == 1).sum() + (gold == 1).sum())
        metrics["f1"] = 2 * int((hits & (gold == 1)).sum()) / either if either else 0.0
    return metrics
