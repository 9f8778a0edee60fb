"""The rows of the result tables, made from the stages' metrics files (one mapping per task and seed).

Accuracies and F1 come as fractions and leave as percentages; areas and AUCs are in accuracy points throughout.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.intervals import Interval
from pipeline.reporting.style import NORMALISATIONS, in_order
from pipeline.reporting.table_text import Difference, Row

Metrics = Mapping[str, Any]


def finetune_rows(finetune: Sequence[Metrics]) -> list[Row]:
    """Dev accuracy of every model, over all examples and then per class; F1 where a task has one."""
    with_f1 = any("f1" in record for record in finetune)
    rows = []
    for record in finetune:
        for name, part in [("all", _overall(record)), *record["per_class"].items()]:
            row: Row = {"task": record["task"], "seed": record["seed"], "class": name, "n": part["n"]}
            row["accuracy"] = _percent(part)
            if with_f1:
                row["f1"] = 100 * record["f1"] if name == "all" and "f1" in record else None
            rows.append(row)
    return rows


def effectiveness_rows(effectiveness: Sequence[Metrics]) -> list[Row]:
    """Per method: the area between its curves, its lead over attention's, and accuracy with or without two heads."""
    rows = []
    for record in effectiveness:
        for method in in_order(record["area"]):
            lead = record["area_difference"].get(f"{method}-attention")
            rows.append(
                {
                    "task": record["task"],
                    "seed": record["seed"],
                    "method": method,
                    "n": record["n"],
                    "area": scaled(record["area"][method]),
                    "area_minus_attention": scaled(lead),
                    "baseline_accuracy": 100 * record["baseline_accuracy"],
                    "keep_top2": _percent(record["keep_top2"][method]),
                    "remove_top2": _percent(record["remove_top2"][method]),
                }
            )
    return rows


def pruning_rows(prune: Sequence[Metrics]) -> list[Row]:
    """Per method and normalisation: AUC, nAUC, r*, and by how much attribution's AUC is larger.

    The interval of the random row is the middle 90 % of its orders, not a bootstrap.
    """
    rows = []
    for record in prune:
        for normalise in NORMALISATIONS:
            methods = in_order(key.split("/")[0] for key in record["auc"] if key.endswith(f"/{normalise}"))
            rows += [_pruning_row(record, method, normalise) for method in methods if method != "random"]
        if record["random"]:
            rows.append(_random_row(record))
    return rows


def headline(finetune: Sequence[Metrics], effectiveness: Sequence[Metrics], prune: Sequence[Metrics]) -> list[Row]:
    """One row per task and seed: how good the model is, and how attribution ranks heads against its rivals."""
    rows = []
    for record in finetune:
        ranked, pruned = (_same_model(record, others) for others in (effectiveness, prune))
        area, delta = ranked.get("area", {}), pruned.get("delta_auc", {})
        rows.append(
            {
                "task": record["task"],
                "seed": record["seed"],
                "n": record["n"],
                "accuracy": _percent(_overall(record)),
                "area_attribution": _points_or_none(area, "attribution_gold"),
                "area_predicted": _points_or_none(area, "attribution_predicted"),
                "area_attention": _points_or_none(area, "attention"),
                "delta_auc_taylor": _difference_or_none(delta, "attribution/none - taylor/none"),
                "delta_auc_attention": _difference_or_none(delta, "attribution/none - attention/none"),
            }
        )
    return rows


def scaled(part: Metrics | None, scale: float = 1) -> Interval | None:
    """A metrics file's {value, low, high} in another unit: `scale` 100 makes points of a fraction. None stays None."""
    return None if part is None else Interval.of(part, scale)


def in_percent(share: float | None) -> float | None:
    """A fraction as a percentage. None stays None."""
    return None if share is None else 100 * share


def _overall(record: Metrics) -> Metrics:
    """The accuracy over all classes, under the keys that one class has."""
    keys = {"n": "n", "accuracy": "accuracy", "low": "accuracy_low", "high": "accuracy_high"}
    return {key: record[name] for key, name in keys.items()}


def _pruning_row(record: Metrics, method: str, normalise: str) -> Row:
    key = f"{method}/{normalise}"
    nauc = record["nauc"][key]
    return {
        "task": record["task"],
        "seed": record["seed"],
        "method": method,
        "normalise": normalise,
        "n": record["n"],
        "auc": scaled(record["auc"][key]),
        "nauc": None if nauc is None else float(nauc),
        "r_star": 100.0 * record["r_star"][key],
        "delta_auc": _difference_or_none(record["delta_auc"], f"attribution/{normalise} - {key}"),
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


def _same_model(record: Metrics, others: Sequence[Metrics]) -> Metrics:
    """The metrics of another stage for the same task and seed; empty if that stage has not run for it."""
    return next((other for other in others if (other["task"], other["seed"]) == (record["task"], record["seed"])), {})


def _points_or_none(parts: Metrics, key: str) -> Interval | None:
    return scaled(parts[key]) if key in parts else None


def _difference_or_none(parts: Metrics, key: str) -> Difference | None:
    if key not in parts:
        return None
    return Difference(**vars(Interval.of(parts[key])), verdict=parts[key]["verdict"])


def _percent(part: Metrics) -> Interval:
    return Interval(value=100 * part["accuracy"], low=100 * part["low"], high=100 * part["high"])
