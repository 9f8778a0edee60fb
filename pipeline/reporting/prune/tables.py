"""The rows of the tables about head pruning."""

from collections.abc import Sequence

from pipeline.analysis.methods import FACTORS
from pipeline.reporting.cells import Metrics
from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row
from pipeline.values.columns import FACTOR


def tables(results: Results) -> dict[str, list[Row]]:
    """Areas and leads of every task, and what else the curves of every model show."""
    return {
        "pruning": statistic_rows(results.statistics("prune")),
        "pruning_models": model_rows(results.records("prune")),
    }


def model_rows(prune: Sequence[Metrics]) -> list[Row]:
    """AUC, nAUC and r* of every ranking of every model; of the random orders the lowest and the highest AUC."""
    rows: list[Row] = []
    for record in prune:
        model = {"task": record["task"], "seed": record["seed"]}
        for one in record["rankings"]:
            name = one["method"].removeprefix(FACTOR)
            rows.append(
                {**model, "method": FACTORS.get(name, one["method"]), "normalise": one["normalise"], "n": record["n"]}
                | {"auc": one["auc"], "nauc": one["nauc"], "r_star": 100.0 * one["r_star"]}
            )
        if record["random"]:
            rows += [
                {**model, "method": f"{which} of {record['random']['orders']} random orders", "normalise": "none"}
                | {"n": record["n"], "auc": record["random"][which], "nauc": None, "r_star": None}
                for which in ("lowest", "highest")
            ]
    return rows
