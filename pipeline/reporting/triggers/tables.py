"""The rows of the tables about triggers, made from the metrics of `triggers`; drops leave as accuracy points."""

from collections.abc import Sequence
from statistics import mean

from pipeline.reporting.cells import Metrics, in_percent, scaled
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, MethodStyle
from pipeline.reporting.table_text import Row

MINED = "mined"
KINDS = {
    MINED: MethodStyle("mined from attribution", BLUE, "o"),
    "attention": MethodStyle("mined from attention", VERMILLION, "s"),
    "hotflip": MethodStyle("HotFlip", PURPLE, "D"),
    "shuffled": MethodStyle("mined, tokens exchanged", GREEN, "^"),
    "frequency": MethodStyle("tokens by frequency", ORANGE, "v"),
    "random": MethodStyle("random tokens", GREY, "X"),
}


def tables(results: Results) -> dict[str, list[Row]]:
    """Patterns, attacks and controls."""
    records = results.records("triggers")
    return {
        "triggers": strongest_rows(records),
        "best_triggers": best_rows(records),
        "attacks": attack_rows(records),
        "trigger_controls": control_rows(records),
    }


def strongest_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """The paper's table of patterns: of each predicted class those with the strongest attribution."""
    return [_trigger_row(record, one) for record in triggers for one in record["strongest"]]


def best_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """The mined triggers that cost most on the selection sample, in that order."""
    return [
        {"trigger": number + 1, **_trigger_row(record, one)}
        for record in triggers
        for number, one in enumerate(_best(record))
    ]


def attack_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """The paper's table of attacks: accuracy without and with each of the best triggers, on all examples and by class.

    Where a trigger sends nearly all examples to one class, the row of all examples says so: its drop says little else.
    A class without dev examples has no values.
    """
    count = max((len(_best(record)) for record in triggers), default=0)
    rows = []
    for record in triggers:
        baseline, best = record["baseline"], _best(record)
        whole = {"n": record["n"], "accuracy": baseline["accuracy"]}
        collapses = [f"{n + 1}: {one['collapses_to']}" for n, one in enumerate(best) if one["collapses_to"]]
        for name, part in [("all", whole), *baseline["per_class"].items()] if best else []:
            before = part["accuracy"]
            after = [before - one["drop"] if name == "all" else one["per_class"][name] for one in best]
            row: Row = {"task": record["task"], "seed": record["seed"], "class": name, "n": part["n"]}
            row["without_trigger"] = in_percent(before)
            for number, accuracy in enumerate([*after, *[None] * (count - len(after))]):
                row[f"trigger_{number + 1}"] = in_percent(accuracy)
            row["mean_drop"] = None if before is None else in_percent(before - mean(after))
            row["collapses_to"] = ", ".join(collapses) or None if name == "all" else None
            rows.append(row)
    return rows


def control_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """Mined triggers beside every control: the best of them on dev, and all of them on the selection sample."""
    return [
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "triggers": style.label}
        | {"patterns": of_kind["patterns"], "tokens_mean": of_kind["tokens_mean"]}
        | {"mean_drop": scaled(best.get("mean_drop"), 100), "mined_lead": scaled(best.get("lead"), 100)}
        | {"median_drop": in_percent((of_kind["select_drop"] or {}).get("median"))}
        for record in triggers
        for kind, style in KINDS.items()
        if (of_kind := record["kinds"].get(kind))
        for best in [record["best"].get(kind, {})]
    ]


def _trigger_row(record: Metrics, one: Metrics) -> Row:
    return (
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "class": one["class"]}
        | {"tokens": one["tokens"], "strength": one["strength"], "trigger_drop": in_percent(one["drop"])}
        | {"flip_rate": in_percent(one["flip_rate"]), "collapses_to": one["collapses_to"]}
    )


def _best(record: Metrics) -> Sequence[Metrics]:
    return record["best"].get(MINED, {}).get("triggers", ())
