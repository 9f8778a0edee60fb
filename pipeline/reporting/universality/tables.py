"""The rows of the tables about universality: how importances correlate, and what a foreign ranking costs."""

from collections.abc import Sequence

from pipeline.reporting.cells import Metrics, scaled
from pipeline.reporting.results import Results
from pipeline.reporting.style import task_name
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Correlations, and pruning by another task's ranking."""
    (found,) = results.records("universality")
    return {
        "universality": correlation_rows(found["pairs"]),
        "foreign_pruning": functional_rows(found["functional"]),
    }


def correlation_rows(pairs: Sequence[Metrics]) -> list[Row]:
    """Per pair of models: Pearson's and Spearman's r, and what of each is due to the layers alone.

    Pairs of different tasks come first, then those of two seeds.
    """
    return [
        {"task": pair["a"]["task"], "seed": pair["a"]["seed"]}
        | {"other_task": task_name(pair["b"]["task"]), "other_seed": str(pair["b"]["seed"])}
        | {"pearson": scaled(pair["pearson"]), "pearson_layers": _layers_alone(pair["pearson"])}
        | {"spearman": scaled(pair["spearman"]), "spearman_layers": _layers_alone(pair["spearman"])}
        for pair in sorted(pairs, key=lambda pair: pair["same_task"])
    ]


def functional_rows(functional: Sequence[Metrics]) -> list[Row]:
    """Per model and other task: AUC and nAUC with the model's own ranking, with the other task's, and what is lost."""
    return [
        {"task": part["task"], "seed": part["seed"], "ranking": task_name(part["ranking"]), "n": part["n"]}
        | {name: scaled(part[name]) for name in ("auc_own", "auc_foreign", "lost")}
        | {name: part[name] for name in ("nauc_own", "nauc_foreign", "nauc_lost")}
        for part in functional
    ]


def _layers_alone(part: Metrics | None) -> float | None:
    return part["layers_alone"] if part else None
