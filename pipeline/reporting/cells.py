"""From records to cells: units, and what is not there."""

from collections.abc import Mapping
from typing import Any

from pipeline.analysis.intervals import Interval

Metrics = Mapping[str, Any]


def in_percent(share: float | None) -> float | None:
    """A fraction as a percentage. None stays None."""
    return None if share is None else 100 * share


def overall(record: Metrics) -> Metrics:
    """The accuracy over all classes of a record of `finetune`, under the keys that one class has."""
    keys = {"n": "n", "accuracy": "accuracy", "low": "accuracy_low", "high": "accuracy_high"}
    return {key: record[name] for key, name in keys.items()}


def accuracy(part: Metrics) -> Interval:
    """A record's {accuracy, low, high}, in percent."""
    return Interval(value=100 * part["accuracy"], low=100 * part["low"], high=100 * part["high"])
