"""The rows of the tables about effectiveness."""

from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Areas between the curves, leads, and accuracy with and without the two highest heads."""
    return {"effectiveness": statistic_rows(results.statistics("effectiveness"))}
