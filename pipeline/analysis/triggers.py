"""Statistics of the trigger experiment (docs/method.md, "Triggers"). Drops, like accuracies, are fractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from pipeline.analysis.intervals import Interval
from pipeline.analysis.resamples import interval_of, ratio
from pipeline.values.long import places_of, to_array

if TYPE_CHECKING:
    import pandas as pd

MINED = "mined"
TRIGGER = ("trigger",)
TABLE = ("task", "seed", "rank", "tokens", "class", "strength", "n", "select_drop", "drop", "flip_rate", "collapses_to")
EFFECTS = ("drop", "per_class", "flip_rate", "predicted", "collapses_to")


@dataclass(frozen=True)
class Answers:
    """Class ids of the same examples: gold, predicted without, and predicted with each trigger."""

    labels: NDArray[np.int64]  # (example,)
    before: NDArray[np.int64]  # (example,)
    after: NDArray[np.int64]  # (trigger, example)

    @property
    def lost(self) -> NDArray[np.float64]:
        """Right answers lost, `(trigger, example)`: 1, 0, or -1 for a wrong answer put right."""
        right, still_right = self.before == self.labels, self.after == self.labels
        return right.astype(np.float64) - still_right


@dataclass(frozen=True)
class Evaluation:
    """What all triggers do to the selection sample, and the mined and the best ones to the dev sample."""

    best: Mapping[str, Sequence[int]]  # the selected triggers of each kind, the largest drop first
    on_dev: Sequence[int]  # the triggers of `dev`
    select: Answers
    dev: Answers


def read_evaluation(rows: Sequence[Mapping[str, Any]], table: pd.DataFrame) -> Evaluation:
    """What was measured of the triggers `rows`, from the long table that `triggers` wrote."""
    best: dict[str, dict[int, int]] = {}
    for number, row in enumerate(rows):
        of_kind = best.setdefault(row["kind"], {})
        if row["best"] is not None:
            of_kind[row["best"]] = number
    on_select, on_dev = (table.loc[table["sample"] == sample] for sample in ("select", "dev"))
    return Evaluation(
        best={kind: [numbers[place] for place in sorted(numbers)] for kind, numbers in best.items()},
        on_dev=[place["trigger"] for place in places_of(on_dev, TRIGGER)[1:]],
        select=_answers(on_select),
        dev=_answers(on_dev),
    )


def _answers(table: pd.DataFrame) -> Answers:
    """The first of the sample's rows are those without a trigger."""
    label, predicted = (
        to_array(table, (TRIGGER, ("example_id",)), name).astype(np.int64) for name in ("label", "predicted")
    )
    return Answers(labels=label[0], before=predicted[0], after=predicted[1:])


def effects(answers: Answers, *, classes: int, collapse_share: float) -> list[dict[str, Any]]:
    """What each trigger does; lists are by class id.

    `drop`; `per_class` accuracy with the trigger, None for a class without examples; `flip_rate`, the share of the
    initially right examples that become wrong, None if there are none; `predicted`, how often each class is;
    `collapses_to`, the class that makes up `collapse_share` of the predictions, None if it does so without trigger.
    """
    right = answers.before == answers.labels
    before = np.bincount(answers.before, minlength=classes)
    result = []
    for after, lost in zip(answers.after, answers.lost, strict=True):
        predicted = np.bincount(after, minlength=classes)
        top, enough = int(predicted.argmax()), collapse_share * len(after)
        result.append(
            {
                "drop": float(lost.mean()),
                "per_class": per_class(after, answers.labels, classes=classes),
                "flip_rate": float((after != answers.labels)[right].mean()) if right.any() else None,
                "predicted": predicted.tolist(),
                "collapses_to": top if predicted[top] >= enough > before[top] else None,
            }
        )
    return result


def per_class(predicted: NDArray[np.int64], labels: NDArray[np.int64], *, classes: int) -> list[float | None]:
    """Accuracy on the examples of each class, None where there are none."""
    of_class = [predicted[labels == label] for label in range(classes)]
    return [float((found == label).mean()) if len(found) else None for label, found in enumerate(of_class)]


def complete_rows(
    rows: Sequence[Mapping[str, Any]], evaluation: Evaluation, *, classes: Sequence[str], collapse_share: float
) -> list[dict[str, Any]]:
    """`rows`, one per trigger, with `select_drop` and its effects on dev.

    The effects of triggers that were not run on dev are None.
    """
    found = effects(evaluation.dev, classes=len(classes), collapse_share=collapse_share)
    on_dev = dict(zip(evaluation.on_dev, found, strict=True))
    complete = []
    for number, (row, drop) in enumerate(zip(rows, evaluation.select.lost.mean(axis=1).tolist(), strict=True)):
        effect = on_dev.get(number) or dict.fromkeys(EFFECTS)
        collapse = effect["collapses_to"]
        effect["collapses_to"] = None if collapse is None else classes[collapse]
        complete.append({**row, "select_drop": drop, **effect})
    return complete


def table_rows(rows: Sequence[Mapping[str, Any]], *, task: str, seed: int, n: int) -> list[dict[str, Any]]:
    """The mined triggers of `complete_rows`, with the columns TABLE; `n` dev examples."""
    mined = [dict(row) for row in rows if row["kind"] == MINED]
    for row in mined:
        row |= {"task": task, "seed": seed, "n": n, "tokens": tokens_text(row)}
    return [{name: row[name] for name in TABLE} for row in mined]


def tokens_text(row: Mapping[str, Any]) -> str:
    """A trigger's tokens as a reader sees them: those of the second segment, if there are any, follow a double bar."""
    first, second = (
        " ".join(token for token, of in zip(row["tokens"], row["segments"], strict=True) if of == segment)
        for segment in (0, 1)
    )
    return f"{first} \N{DOUBLE VERTICAL LINE} {second}".strip() if second else first


def rank_correlation(first: ArrayLike, second: ArrayLike, *, draws: int, seed: int) -> Interval | None:
    """Spearman's r of two variables `(trigger,)`, with its percentile bootstrap interval over triggers.

    None for fewer than three triggers, or if a variable is constant.
    """
    pairs = np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)])
    n = pairs.shape[1]
    if n < 3:
        return None
    picks = np.concatenate([np.arange(n)[None], np.random.default_rng(seed).integers(n, size=(draws, n))])
    ranks = rankdata(pairs[:, picks], axis=2)  # (variable, draw, trigger)
    ranks -= (n + 1) / 2
    return interval_of(ratio((ranks[0] * ranks[1]).sum(axis=1), np.sqrt((ranks**2).sum(axis=2).prod(axis=0))))
