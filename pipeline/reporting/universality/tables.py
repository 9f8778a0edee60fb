"""The rows of the tables about universality: how importances agree, and what a foreign ranking costs."""

from collections.abc import Sequence

from pipeline.analysis.quantities import Universality
from pipeline.reporting.cells import Metrics
from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.style import task_name
from pipeline.reporting.table_text import Row

AGREEMENT = (
    Universality.SIMILAR,
    Universality.SIMILAR_BY_RANK,
    Universality.AGREEMENT,
    Universality.AGREEMENT_WITHIN,
    Universality.CEILING,
    Universality.CEILING_WITHIN,
)
FUNCTIONAL = (Universality.LOST, Universality.LOST_BY_TASK, Universality.LOST_OTHERWISE)


def tables(results: Results) -> dict[str, list[Row]]:
    """Agreement within and between tasks, pruning by another ranking, and the correlations of every two models."""
    found, (record,) = results.statistics("universality"), results.records("universality")
    return {
        "universality": statistic_rows(found, *AGREEMENT),
        "foreign_pruning": statistic_rows(found, *FUNCTIONAL),
        "universality_pairs": pair_rows(record["pairs"]),
    }


def pair_rows(pairs: Sequence[Metrics]) -> list[Row]:
    """Pearson's and Spearman's r of every pair of models; those of different tasks come first."""
    return [
        {"task": pair["a"]["task"], "seed": pair["a"]["seed"]}
        | {"other_task": task_name(pair["b"]["task"]), "other_seed": str(pair["b"]["seed"])}
        | {"pearson": pair["pearson"], "spearman": pair["spearman"]}
        for pair in sorted(pairs, key=lambda pair: pair["same_task"])
    ]
