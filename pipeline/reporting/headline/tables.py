"""The rows of the table of main numbers."""

from collections.abc import Sequence

from pipeline.analysis.intervals import Interval
from pipeline.analysis.records import accuracy
from pipeline.reporting.cells import Metrics, overall, scaled
from pipeline.reporting.prune.tables import lead
from pipeline.reporting.results import Results
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """One table, which `make repro` ends with."""
    return {"headline": headline(*(results.records(name) for name in ("finetune", "effectiveness", "prune")))}


def headline(finetune: Sequence[Metrics], effectiveness: Sequence[Metrics], prune: Sequence[Metrics]) -> list[Row]:
    """One row per task and seed: how good the model is, and how attribution ranks heads against its rivals."""
    rows = []
    for record in finetune:
        ranked, pruned = (_same_model(record, others) for others in (effectiveness, prune))
        area = ranked.get("area", {})
        rows.append(
            {
                "task": record["task"],
                "seed": record["seed"],
                "n": record["n"],
                "accuracy": accuracy(overall(record)),
                "area_attribution": _points_or_none(area, "attribution_gold"),
                "area_predicted": _points_or_none(area, "attribution_predicted"),
                "area_attention": _points_or_none(area, "attention"),
                "delta_auc_taylor": lead(pruned, "taylor", "none"),
                "delta_auc_attention": lead(pruned, "attention", "none"),
            }
        )
    return rows


def _same_model(record: Metrics, others: Sequence[Metrics]) -> Metrics:
    """The metrics of another stage for the same task and seed; empty if that stage has not run for it."""
    return next((other for other in others if (other["task"], other["seed"]) == (record["task"], record["seed"])), {})


def _points_or_none(parts: Metrics, key: str) -> Interval | None:
    return scaled(parts[key]) if key in parts else None
