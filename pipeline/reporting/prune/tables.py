"""The rows of the table about head pruning."""

from collections.abc import Sequence

from pipeline.analysis.intervals import Interval
from pipeline.analysis.records import matching
from pipeline.reporting.cells import Metrics, scaled
from pipeline.reporting.results import Results
from pipeline.reporting.style import METHODS, NORMALISATIONS
from pipeline.reporting.table_text import Difference, Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Measures of head importance."""
    return {"pruning": pruning_rows(results.records("prune"))}


def pruning_rows(prune: Sequence[Metrics]) -> list[Row]:
    """Per method and normalisation: AUC, nAUC, r*, and by how much attribution's AUC is larger.

    The interval of the random row is the middle 90 % of its orders, not a bootstrap.
    """
    rows = []
    for record in prune:
        for normalise in NORMALISATIONS:
            found = {one["method"]: one for one in record["rankings"] if one["normalise"] == normalise}
            rows += [_row(record, found[method]) for method in METHODS if method in found]
        if record["random"]:
            rows.append(_random_row(record))
    return rows


def lead(record: Metrics, over: str, normalise: str) -> Difference | None:
    """By how much attribution's AUC exceeds that of another method of the same normalisation, and what that says."""
    found = matching(record.get("leads", ()), over=over, over_normalise=normalise, normalise=normalise)
    return Difference(**vars(Interval.of(found)), verdict=found["verdict"]) if found else None


def _row(record: Metrics, ranking: Metrics) -> Row:
    return {
        "task": record["task"],
        "seed": record["seed"],
        "method": ranking["method"],
        "normalise": ranking["normalise"],
        "n": record["n"],
        "auc": scaled(ranking["auc"]),
        "nauc": None if ranking["nauc"] is None else float(ranking["nauc"]),
        "r_star": 100.0 * ranking["r_star"],
        "delta_auc": lead(record, ranking["method"], ranking["normalise"]),
    }


def _random_row(record: Metrics) -> Row:
    random = record["random"]
    return {
        "task": record["task"],
        "seed": record["seed"],
        "method": "random",
        "normalise": None,
        "n": record["n"],
        "auc": scaled({"value": random["auc_mean"], "low": random["auc_low"], "high": random["auc_high"]}),
        "nauc": None,
        "r_star": None,
        "delta_auc": None,
    }
