"""The rows of the table about the fine-tuned models."""

from collections.abc import Sequence

from pipeline.analysis.records import accuracy
from pipeline.reporting.cells import Metrics, overall
from pipeline.reporting.results import Results
from pipeline.reporting.table_text import Row


def tables(results: Results) -> dict[str, list[Row]]:
    """Accuracy of every model."""
    return {"finetune": finetune_rows(results.records("finetune"))}


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
