"""The rows of the table about the fine-tuned models."""

from collections.abc import Mapping, Sequence

from pipeline.reporting.cells import Metrics, accuracy, overall
from pipeline.reporting.results import Results
from pipeline.reporting.statistics import statistic_rows
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Accuracy of every model, and of every task over its models."""
    return {
        "finetune": finetune_rows(results.records("finetune")),
        "accuracy": statistic_rows(results.statistics("finetune")),
    }


def finetune_rows(finetune: Sequence[Metrics]) -> list[Row]:
    """Dev accuracy of every model, over all examples and then per class; F1 where a task has one."""
    with_f1 = any("f1" in record for record in finetune)
    rows = []
    for record in finetune:
        for name, part in [("all", overall(record)), *record["per_class"].items()]:
            row: Row = {"task": record["task"], "seed": record["seed"], "class": name, "n": part["n"]}
            row["accuracy"] = accuracy(part)
            if with_f1:
                row["f1"] = 100 * record["f1"] if name == "all" and "f1" in record else None
            rows.append(row)
    return rows


def sample_rows(finetune: Sequence[Metrics], statistics: Mapping[str, Sequence[Metrics]]) -> list[Row]:
    """On how many examples the statistics of every experiment rest, by task; no row where all rest on all of dev.

    Of an experiment whose statistics rest on several numbers it is the largest.
    """
    dev = {record["task"]: record["n"] for record in finetune}
    sizes = {
        (task, experiment): max((one["n"] or 0 for one in found if one["task"] == task), default=0) or None
        for experiment, found in statistics.items()
        for task in dev
    }
    shown = [name for name in statistics if name != "finetune" and any(sizes[task, name] for task in dev)]
    if all(sizes[task, name] in (None, n) for task, n in dev.items() for name in shown):
        return []
    return [{"task": task, "dev": n, **{name: sizes[task, name] for name in shown}} for task, n in dev.items()]
