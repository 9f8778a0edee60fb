"""The rows of the tables about planted paths."""

from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """How well every method tells the edges apart, and what single knock-outs lose of redundant ones."""
    return {"planted_paths": statistic_rows(results.statistics("planted_paths"))}
