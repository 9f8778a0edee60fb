"""The rows of the tables about attribution trees."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.reporting.cells import in_percent
from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """What edges recover, and how the trees look."""
    return {
        "trees": statistic_rows(results.statistics("tree")),
        "tree_shapes": shape_rows(results.records("tree")),
    }


def shape_rows(records: Sequence[Mapping[str, Any]]) -> list[Row]:
    """How the trees of every model look, what the model says with and without edges, and how near the optimum is."""
    return [
        {"task": record["task"], "seed": record["seed"], "n": record["n"]}
        | {"edges": record["edges"], "without_tree": record["without_tree"]}
        | {name: record[name] for name in ("full_probability", "tree_probability", "without_any_edge")}
        | {"ratio": in_percent(best["ratio"]), "reached": in_percent(best["reached"]), "proven": best["proven"]}
        for record in records
        for best in [record["optimum"]]
    ]
