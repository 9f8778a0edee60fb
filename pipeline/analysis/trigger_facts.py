"""What the report shows of single triggers and of each model that they were run on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.trigger_answers import per_class
from pipeline.values.columns import MINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.analysis.trigger_answers import Answers

    Record = dict[str, Any]

TABLE = (
    "task",
    "seed",
    "rank",
    "tokens",
    "class",
    "strength",
    "n",
    "foreign_drop",
    "drop",
    "flip_rate",
    "collapses_to",
)


def facts(
    rows: Sequence[Record],
    dev: Answers,
    best: Sequence[int],
    *,
    kinds: Sequence[str],
    count: int,
    classes: Sequence[str],
) -> Record:
    """What the report shows of one model; accuracies and drops are fractions.

    `baseline`, accuracies without triggers; of each of `kinds` how many there are, of how many tokens, and how many
    collapse; the `count` `strongest` mined triggers of every class, and the `best` (numbers of `rows`), with what they
    do.
    """
    per_label = per_class(dev.before, dev.labels, classes=len(classes))
    sizes = np.bincount(dev.labels, minlength=len(classes)).tolist()
    mined = [row for row in rows if row["kind"] == MINED]
    by_class = [[row for row in mined if row["class"] == name] for name in classes]
    return {
        "baseline": {
            "accuracy": float((dev.before == dev.labels).mean()),
            "per_class": {
                name: {"n": size, "accuracy": value}
                for name, size, value in zip(classes, sizes, per_label, strict=True)
            },
        },
        "kinds": {kind: _count([row for row in rows if row["kind"] == kind]) for kind in kinds},
        "strongest": [_brief(row, classes) for own in by_class for row in own[:count]],
        "best": [_brief(rows[number], classes) for number in best],
    }


def _count(rows: Sequence[Record]) -> Record:
    return {
        "patterns": len(rows),
        "tokens_mean": float(np.mean([len(row["tokens"]) for row in rows])) if rows else None,
        "collapsing": sum(row["collapses_to"] is not None for row in rows),
    }


def _brief(row: Record, classes: Sequence[str]) -> Record:
    names = ("rank", "class", "strength", "foreign_drop", "drop", "flip_rate", "collapses_to")
    of_class = dict(zip(classes, row["per_class"], strict=True))
    return {name: row[name] for name in names} | {"tokens": tokens_text(row), "per_class": of_class}


def table_rows(rows: Sequence[Record], known: Record) -> list[Record]:
    """The mined triggers of a model, with the columns TABLE; `known` is what is the same for all."""
    mined = [row | known | {"tokens": tokens_text(row)} for row in rows if row["kind"] == MINED]
    return [{name: row[name] for name in TABLE} for row in mined]


def tokens_text(row: Record) -> str:
    """A trigger's tokens as a reader sees them: those of the second segment, if there are any, follow a double bar."""
    first, second = (
        " ".join(token for token, of in zip(row["tokens"], row["segments"], strict=True) if of == segment)
        for segment in (0, 1)
    )
    return f"{first} \N{DOUBLE VERTICAL LINE} {second}".strip() if second else first
