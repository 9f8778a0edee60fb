"""Which examples are trained on, which score the heads, which are evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.data.tasks import TASKS
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.values.schema import Prepare

Row = dict[str, Any]


@dataclass(frozen=True)
class Splits:
    """Rows with their `example_id`, and how many training rows went because a carved sample has the same text."""

    train: list[Row]
    dev: list[Row]
    importance: list[Row]
    heldout: list[Row]
    dropped_duplicates: int


def split(rows: dict[str, list[Row]], task: str, settings: Prepare) -> Splits:
    """Carve the importance and the held-out samples out of the training rows (docs/method.md, "Protocol").

    No carved text occurs in the remaining training rows. Under `protocol: authors` the importance sample is the
    first examples of the evaluation split instead, as in the paper's released code.
    """
    train = [{**row, "example_id": f"train-{number}"} for number, row in enumerate(rows["train"])]
    dev = [{**row, "example_id": f"dev-{number}"} for number, row in enumerate(rows["dev"])]
    rng = np.random.default_rng(settings.seed)
    heldout_protocol = settings.protocol == "heldout"
    wanted = settings.n_heldout + (settings.n_importance if heldout_protocol else 0)
    carved, texts = _distinct(train, task, order=rng.permutation(len(train)), count=wanted)
    remaining = [row for row in train if _text(row, task) not in texts]
    if not remaining:
        raise InputError(f"{task} has {len(train)} training rows, of which {wanted} are carved out: none is left")
    if heldout_protocol:
        importance, heldout = carved[: settings.n_importance], carved[settings.n_importance :]
    else:
        importance, heldout = dev[: settings.n_importance], carved
    if len(importance) < settings.n_importance:
        raise InputError(f"prepare.n_importance is {settings.n_importance}, but {task} has {len(importance)} examples")
    return Splits(
        train=_sample(remaining, settings.n_train, rng),
        dev=_sample(dev, settings.n_eval, rng),
        importance=importance,
        heldout=heldout,
        dropped_duplicates=len(train) - wanted - len(remaining),
    )


def _text(row: Row, task: str) -> tuple[str, ...]:
    return tuple(row[column] for column in TASKS[task].columns)


def _distinct(rows: list[Row], task: str, *, order: np.ndarray, count: int) -> tuple[list[Row], set[tuple[str, ...]]]:
    """The first `count` rows of `order` with distinct texts, and these texts."""
    chosen: list[Row] = []
    texts: set[tuple[str, ...]] = set()
    for number in order:
        if len(chosen) == count:
            break
        text = _text(rows[number], task)
        if text not in texts:
            texts.add(text)
            chosen.append(rows[number])
    if len(chosen) < count:
        raise InputError(f"{task} has {len(chosen)} distinct training texts, but {count} are to be carved out")
    return chosen, texts


def _sample(rows: list[Row], count: int | None, rng: np.random.Generator) -> list[Row]:
    """All rows, or a seeded sample of them in their order."""
    if count is None or count >= len(rows):
        return rows
    return [rows[number] for number in np.sort(rng.permutation(len(rows))[:count])]
