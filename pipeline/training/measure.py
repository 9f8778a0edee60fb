"""Accuracy of a classifier's predictions, with intervals."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from pipeline.analysis.intervals import wilson_interval
from pipeline.data.tasks import TASKS
from pipeline.predicting.examples import Example


def _accuracy(hits: Sequence[bool]) -> dict[str, Any]:
    low, high = wilson_interval(sum(hits), len(hits))
    return {"accuracy": sum(hits) / len(hits), "low": float(low), "high": float(high), "n": len(hits)}


def accuracy_metrics(logits: Tensor, examples: Sequence[Example], task: str) -> dict[str, Any]:
    """Overall and per-class accuracy (fractions) with 95 % Wilson intervals; F1 of class 1 where the task reports it.

    `logits` is `(example, classes)` in the order of `examples`. A class that does not occur has no entry.
    """
    predicted = logits.argmax(dim=1).tolist()
    labels = [example.label for example in examples]
    hits = [p == label for p, label in zip(predicted, labels, strict=True)]
    overall = _accuracy(hits)
    per_class = {
        name: _accuracy([hit for hit, label in zip(hits, labels, strict=True) if label == number])
        for number, name in enumerate(TASKS[task].labels)
        if number in labels
    }
    metrics = {
        "n": overall["n"],
        "accuracy": overall["accuracy"],
        "accuracy_low": overall["low"],
        "accuracy_high": overall["high"],
        "per_class": per_class,
    }
    if TASKS[task].reports_f1:
        true_positives = sum(hit for hit, label in zip(hits, labels, strict=True) if label == 1)
        named = sum(p == 1 for p in predicted) + sum(label == 1 for label in labels)
        metrics["f1"] = 2 * true_positives / named if named else 0.0
    return metrics


def prediction_rows(logits: Tensor, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """One row per example: `example_id`, `label`, `predicted`, `logits`."""
    return [
        {"example_id": e.example_id, "label": e.label, "predicted": int(row.argmax()), "logits": row.tolist()}
        for e, row in zip(examples, logits, strict=True)
    ]
