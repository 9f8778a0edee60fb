"""Reading what an analysis recorded."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.intervals import Interval


def matching(rows: Sequence[Mapping[str, Any]], **keys: str) -> Mapping[str, Any] | None:
    """The first of some rows whose columns have these values."""
    return next((row for row in rows if all(row[name] == value for name, value in keys.items())), None)


def accuracy(part: Mapping[str, Any]) -> Interval:
    """A record's {accuracy, low, high}, in percent."""
    return Interval(value=100 * part["accuracy"], low=100 * part["low"], high=100 * part["high"])
