"""The rows of the tables about the receptive field."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Distances and how they grow."""
    return {"receptive_field": statistic_rows(results.statistics("receptive_field"))}


def edge_rows(records: Sequence[Mapping[str, Any]]) -> list[Row]:
    """How many edges every model's trees have, without and with those that touch a special token."""
    return [
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "layers": record["layers"]}
        | {"n_edges": record["edges"], "n_edges_with_special": record["edges_with_special"]}
        for record in records
    ]
