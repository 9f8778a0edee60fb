"""The rows of the tables about knock-outs."""

from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Agreement with the knock-outs, and what groups lose, by every method."""
    return {"truth": statistic_rows(results.statistics("truth"))}
