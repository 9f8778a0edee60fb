"""The rows of the table about the receptive field."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.intervals import Interval
from pipeline.reporting.table_text import Row

Metrics = Mapping[str, Any]


def receptive_field_rows(receptive_field: Sequence[Metrics]) -> list[Row]:
    """Per model, without and with special tokens: mean distance and share within a sentence, and their slopes."""
    return [
        {"task": record["task"], "seed": record["seed"], "special tokens": name, "n": record["n"]}
        | {"n_edges": part["edges"], "distance": _scaled(part["distance"], 1), "slope": _scaled(part["slope"], 1)}
        | {"within": _scaled(part["within"], 100), "within_slope": _scaled(part["within_slope"], 100)}
        for record in receptive_field
        for name, part in (("left out", record), ("included", record["with_special"]))
    ]


def _scaled(part: Metrics | None, scale: float) -> Interval | None:
    return Interval(scale * part["value"], scale * part["low"], scale * part["high"]) if part else None
