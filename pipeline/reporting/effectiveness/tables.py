"""The rows of the table about effectiveness."""

from collections.abc import Sequence

from pipeline.analysis.records import accuracy, matching
from pipeline.reporting.cells import Metrics, scaled
from pipeline.reporting.results import Results
from pipeline.reporting.style import in_order
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Areas between the curves."""
    return {"effectiveness": effectiveness_rows(results.records("effectiveness"))}


def effectiveness_rows(effectiveness: Sequence[Metrics]) -> list[Row]:
    """Per method: the area between its curves, its lead over attention's, and accuracy with or without two heads."""
    rows = []
    for record in effectiveness:
        for method in in_order(record["area"]):
            lead = matching(record["area_difference"], method=method, minus="attention")
            rows.append(
                {
                    "task": record["task"],
                    "seed": record["seed"],
                    "method": method,
                    "n": record["n"],
                    "area": scaled(record["area"][method]),
                    "area_minus_attention": scaled(lead),
                    "baseline_accuracy": 100 * record["baseline_accuracy"],
                    "keep_top2": accuracy(record["keep_top2"][method]),
                    "remove_top2": accuracy(record["remove_top2"][method]),
                }
            )
    return rows
