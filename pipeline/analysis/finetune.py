"""Accuracy of the fine-tuned models (docs/method.md, "Intervals")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.intervals import wilson_interval
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import Finetune
from pipeline.analysis.statistics import Mean, statistics

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params
    from pipeline.values.task_table import Task


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """The dev accuracy of every model, and of every task over its models."""
    records, found = [], []
    for task in outcomes.tasks:
        measured, examples = [], []
        for model in outcomes.of_task(task):
            table = outcomes.predictions(model)
            labels, predicted = table["label"].to_numpy(), table["predicted"].to_numpy()
            records.append(model._asdict() | accuracies(predicted, labels, task=values.table[task]))
            measured.append(
                {Finetune.ACCURACY.key(): Mean("dev accuracy", "%", 100.0 * (predicted == labels), step=100)}
            )
            examples.append(table["example_id"].tolist())
        found += statistics(task, measured, examples=examples)
    return Findings(records, found)


def _accuracy(hits: NDArray[np.bool_]) -> dict[str, Any]:
    low, high = wilson_interval(hits.sum(), len(hits))
    return {"accuracy": float(hits.mean()), "low": float(low), "high": float(high), "n": len(hits)}


def accuracies(predicted: ArrayLike, labels: ArrayLike, *, task: Task) -> dict[str, Any]:
    """Overall and per-class accuracy (fractions) with 95 % Wilson intervals; F1 of class 1 where the task reports it.

    Both are class ids, one per example. A class that does not occur has no entry.
    """
    named, gold = np.asarray(predicted), np.asarray(labels)
    hits, overall = named == gold, _accuracy(named == gold)
    classes = {name: gold == number for number, name in enumerate(task.labels)}
    per_class = {name: _accuracy(hits[members]) for name, members in classes.items() if members.any()}
    metrics = {
        "n": overall["n"],
        "accuracy": overall["accuracy"],
        "accuracy_low": overall["low"],
        "accuracy_high": overall["high"],
        "per_class": per_class,
    }
    if task.reports_f1:
        either = int((named == 1).sum() + (gold == 1).sum())
        metrics["f1"] = 2 * int((hits & (gold == 1)).sum()) / either if either else 0.0
    return metrics
