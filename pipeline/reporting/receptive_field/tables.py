"""The rows of the table about the receptive field."""

from collections.abc import Sequence

from pipeline.reporting.cells import Metrics, scaled
from pipeline.reporting.results import Results
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Distances and their slopes."""
    return {"receptive_field": receptive_field_rows(results.records("receptive_field"))}


def receptive_field_rows(receptive_field: Sequence[Metrics]) -> list[Row]:
    """Per model, without and with special tokens: mean distance and share within a sentence, and their slopes."""
    return [
        {"task": record["task"], "seed": record["seed"], "special tokens": name, "n": record["n"]}
        | {"n_edges": part["edges"], "distance": scaled(part["distance"]), "slope": scaled(part["slope"])}
        | {"within": scaled(part["within"], 100), "within_slope": scaled(part["within_slope"], 100)}
        for record in receptive_field
        for name, part in (("left out", record), ("included", record["with_special"]))
    ]
