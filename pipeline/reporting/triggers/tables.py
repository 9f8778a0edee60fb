"""The rows of the tables about triggers; drops leave as accuracy points."""

from collections.abc import Sequence
from statistics import mean

from pipeline.analysis.trigger_answers import KINDS
from pipeline.reporting.cells import Metrics, in_percent
from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row

# The paper's table of attacks: accuracy in % of each class, without a trigger and with the strongest one.
PAPER = {
    "mnli": {"entailment": (82.87, 0.80), "neutral": (82.00, 34.77), "contradiction": (84.94, 34.17)},
    "sst2": {"negative": (91.82, 72.20), "positive": (92.79, 54.95)},
    "rte": {"entailment": (72.60, 51.37), "not_entailment": (65.65, 51.91)},
    "mrpc": {"not_equivalent": (72.87, 50.39), "equivalent": (90.32, 83.51)},
}


def tables(results: Results) -> dict[str, list[Row]]:
    """What the triggers cost; patterns, attacks and controls of every model."""
    records = results.records("triggers")
    return {
        "trigger_drops": statistic_rows(results.statistics("triggers")),
        "triggers": strongest_rows(records),
        "best_triggers": best_rows(records),
        "attacks": attack_rows(records),
        "trigger_controls": control_rows(records),
    }


def mined_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """How many triggers every model gave, and why some examples gave none."""
    counts = ("patterns", "examples", "without_tokens", "too_weak", "repeats")
    return [
        {"task": record["task"], "seed": record["seed"], **{name: record["mined"][name] for name in counts}}
        for record in triggers
    ]


def strongest_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """The paper's table of patterns: of each predicted class those with the strongest attribution."""
    return [_trigger_row(record, one) for record in triggers for one in record["strongest"]]


def best_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """The mined triggers that cost most on the selection sample, in that order."""
    return [
        {"trigger": number + 1, **_trigger_row(record, one)}
        for record in triggers
        for number, one in enumerate(record["best"])
    ]


def attack_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """The paper's table of attacks: accuracy without and with each of the best triggers, on all examples and by class.

    Where a trigger sends nearly all examples to one class, the row of all examples says so: its drop says little else.
    A class without dev examples has no values. What the paper's strongest trigger costs stands beside its tasks.
    """
    count = max((len(record["best"]) for record in triggers), default=0)
    beside_paper = any(record["task"] in PAPER for record in triggers)
    rows = []
    for record in triggers:
        baseline, best = record["baseline"], record["best"]
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
            if beside_paper:
                without, attacked = PAPER.get(record["task"], {}).get(name, (None, None))
                row["paper_drop"] = None if without is None or attacked is None else without - attacked
            row["collapses_to"] = ", ".join(collapses) or None if name == "all" else None
            rows.append(row)
    return rows


def control_rows(triggers: Sequence[Metrics]) -> list[Row]:
    """How many mined triggers and controls there are, of how many tokens, and how many send nearly all to one class."""
    return [
        {"task": record["task"], "seed": record["seed"], "triggers": label, **of_kind}
        for record in triggers
        for kind, label in KINDS.items()
        if (of_kind := record["kinds"].get(kind))
    ]


def _trigger_row(record: Metrics, one: Metrics) -> Row:
    return (
        {"task": record["task"], "seed": record["seed"], "n": record["n"], "class": one["class"]}
        | {"tokens": one["tokens"], "strength": one["strength"], "foreign_drop": in_percent(one["foreign_drop"])}
        | {"trigger_drop": in_percent(one["drop"]), "flip_rate": in_percent(one["flip_rate"])}
        | {"collapses_to": one["collapses_to"]}
    )
