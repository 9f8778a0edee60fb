"""The rows of the tables about the planted shortcut."""

from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Where the word ranks by every method, how much the model relies on it, and what pruning changes."""
    return {"shortcut": statistic_rows(results.statistics("shortcut"))}
