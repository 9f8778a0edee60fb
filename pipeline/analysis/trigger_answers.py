"""What a model answers with triggers in its examples, and what that costs (docs/method.md, "Triggers")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.values.columns import MINED
from pipeline.values.long import places_of, to_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

KINDS = {
    MINED: "mined from attribution",
    "attention": "mined from attention",
    "hotflip": "HotFlip",
    "shuffled": "exchanged mined tokens",
    "frequency": "equally frequent tokens",
    "random": "random tokens",
}
TRIGGER = ("trigger",)


@dataclass(frozen=True)
class Answers:
    """Class ids of the same examples: gold, predicted without, and predicted with each trigger."""

    examples: Sequence[str]  # their ids
    labels: NDArray[np.int64]  # (example,)
    before: NDArray[np.int64]  # (example,)
    after: NDArray[np.int64]  # (trigger, example)
    mined_for: NDArray[np.int64]  # (trigger,): the class predicted where the trigger comes from

    @property
    def lost(self) -> NDArray[np.float64]:
        """Right answers lost, `(trigger, example)`: 1, 0, or -1 for a wrong answer put right."""
        right, still_right = self.before == self.labels, self.after == self.labels
        return right.astype(np.float64) - still_right

    @property
    def foreign(self) -> NDArray[np.bool_]:
        """Whether an example is of another class than the trigger was mined for, `(trigger, example)`."""
        return self.labels != self.mined_for[:, None]

    @property
    def foreign_drops(self) -> NDArray[np.float64]:
        """Accuracy lost on foreign examples with each trigger, `(trigger,)`; NaN where there are none."""
        with np.errstate(invalid="ignore"):
            return (self.lost * self.foreign).sum(axis=1) / self.foreign.sum(axis=1)


def read_answers(triggers: Sequence[Mapping[str, Any]], table: pd.DataFrame, *, classes: Sequence[str]) -> Answers:
    """What was measured on one sample of the long table that `triggers` wrote: first the rows without any trigger."""
    axes = (TRIGGER, ("example_id",))
    label, predicted = (to_array(table, axes, name).astype(np.int64) for name in ("label", "predicted"))
    return Answers(
        examples=[place["example_id"] for place in places_of(table, ("example_id",))],
        labels=label[0],
        before=predicted[0],
        after=predicted[1:],
        mined_for=np.array([classes.index(one["class"]) for one in triggers], np.int64),
    )


def of_triggers(values: NDArray[np.float64], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    """One value per example whose mean is the mean over triggers of each one's mean `among` its own examples.

    Both `(trigger, example)`. It is the linearised mean: an example adds to the mean as much as it moves it, and one
    that is among no trigger's examples adds nothing.
    """
    share = among.mean(axis=1, keepdims=True)
    means = (values * among).mean(axis=1, keepdims=True) / share
    return means.mean() + (among * (values - means) / share).mean(axis=0)


def effects(answers: Answers, *, classes: Sequence[str], collapse_share: float) -> list[dict[str, Any]]:
    """What each trigger does; lists are by class id.

    `drop` and `foreign_drop` (None without foreign examples); `per_class` accuracy with the trigger, None for a class
    without examples; `flip_rate`, the share of the initially right examples that become wrong, None if there are none;
    `collapses_to`, the class that makes up `collapse_share` of the predictions, None if it does so without trigger.
    """
    right = answers.before == answers.labels
    before = np.bincount(answers.before, minlength=len(classes))
    result = []
    for after, lost, foreign in zip(answers.after, answers.lost, answers.foreign_drops.tolist(), strict=True):
        predicted = np.bincount(after, minlength=len(classes))
        top, enough = int(predicted.argmax()), collapse_share * len(after)
        result.append(
            {
                "drop": float(lost.mean()),
                "foreign_drop": None if np.isnan(foreign) else foreign,
                "per_class": per_class(after, answers.labels, classes=len(classes)),
                "flip_rate": float((after != answers.labels)[right].mean()) if right.any() else None,
                "collapses_to": classes[top] if predicted[top] >= enough > before[top] else None,
            }
        )
    return result


def per_class(predicted: NDArray[np.int64], labels: NDArray[np.int64], *, classes: int) -> list[float | None]:
    """Accuracy on the examples of each class, None where there are none."""
    of_class = [predicted[labels == label] for label in range(classes)]
    return [float((found == label).mean()) if len(found) else None for label, found in enumerate(of_class)]
