"""Which examples are trained on, which score the heads, which are evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unicodedata import category, normalize

import numpy as np

from attattr.randomness import derived_seed
from pipeline.errors import InputError
from pipeline.values.randomness import first_by_hash

if TYPE_CHECKING:
    from pipeline.values.schema import Prepare
    from pipeline.values.task_table import Task

Row = dict[str, Any]

# Accents and vowel signs; variation selectors, which are among them, only choose how a sign looks.
_MARKS = [
    one for one in map(chr, range(0x300, 0x20000)) if category(one) in ("Mn", "Mc") and not "\ufe00" <= one <= "\ufe0f"
]
WORDS = re.compile(rf"(?:[^\W_]+[{''.join(_MARKS)}]*)+")


@dataclass(frozen=True)
class Splits:
    """Rows with their `example_id`, and how many training rows went because they share a sentence with a carved one."""

    train: list[Row]
    dev: list[Row]
    importance: list[Row]
    heldout: list[Row]
    dropped_duplicates: int


def split(rows: dict[str, list[Row]], task: Task, settings: Prepare, *, seed: int) -> Splits:
    """Carve the importance and the held-out samples out of the training rows (docs/method.md, "Protocol").

    No sentence of a carved row occurs in the remaining training rows. Under `protocol: authors` the importance sample
    is the first examples of the evaluation split instead, as in the paper's released code. The evaluation examples are
    the same for every seed.
    """
    train = [{**row, "example_id": f"train-{number}"} for number, row in enumerate(rows["train"])]
    dev = [{**row, "example_id": f"dev-{number}"} for number, row in enumerate(rows["dev"])]
    heldout_protocol = settings.protocol == "heldout"
    wanted = settings.n_heldout + (settings.n_importance if heldout_protocol else 0)
    candidates = _long_enough(train, dev, task)
    order = np.random.default_rng(derived_seed(seed, "carve-out")).permutation(len(candidates))
    carved = _distinct((candidates[number] for number in order), task, count=wanted)
    taken = {sentence for row in carved for sentence in _sentences(row, task)}
    chosen = {row["example_id"] for row in carved}
    others = [row for row in train if row["example_id"] not in chosen]
    remaining = [row for row in others if taken.isdisjoint(_sentences(row, task))]
    if not remaining:
        raise InputError(
            f"{task.name} has {len(train)} training rows, of which {wanted} are carved out: none is left that shares "
            "no text with these; set prepare.n_importance and prepare.n_heldout lower, or name a column of texts that "
            "recur as recurring in conf/tasks.yaml"
        )
    if heldout_protocol:
        importance, heldout = carved[: settings.n_importance], carved[settings.n_importance :]
    else:
        importance, heldout = dev[: settings.n_importance], carved
    if len(importance) < settings.n_importance:
        raise InputError(
            f"prepare.n_importance is {settings.n_importance}, but {task.name} has {len(importance)} examples"
        )
    return Splits(
        train=_sample(remaining, settings.n_train, seed=seed),
        dev=[dev[place] for place in first_by_hash([row["example_id"] for row in dev], settings.n_eval)],
        importance=importance,
        heldout=heldout,
        dropped_duplicates=len(others) - len(remaining),
    )


def normalised(text: str) -> str:
    """The text's letters and digits, of any script, without regard to case; the text itself where it has none.

    Accents and vowel signs belong to their letters, however these are stored (Unicode's NFC).
    """
    # A joiner may stand between a letter and its mark.
    joined = normalize("NFC", text.casefold()).translate({0x200C: None, 0x200D: None})
    return "".join(WORDS.findall(joined)) or text


def _sentences(row: Row, task: Task) -> set[str]:
    """What must not occur in both a carved row and a training row, in whichever column."""
    return {normalised(row[column]) for column in task.texts if column not in task.recurring}


def _long_enough(train: list[Row], dev: list[Row], task: Task) -> list[Row]:
    """All training rows; where most are phrases, those with at least as many words as dev's first quartile."""
    if not task.phrases:
        return train

    def words(row: Row) -> int:
        return sum(len(row[column].split()) for column in task.texts)

    shortest = np.quantile([words(row) for row in dev], 0.25)
    return [row for row in train if words(row) >= shortest]


def _distinct(rows: Iterable[Row], task: Task, *, count: int) -> list[Row]:
    """The first `count` rows with distinct texts."""
    chosen: dict[tuple[str, ...], Row] = {}
    for row in rows:
        if len(chosen) == count:
            break
        chosen.setdefault(tuple(normalised(row[column]) for column in task.texts), row)
    if len(chosen) < count:
        raise InputError(
            f"{task.name} has {len(chosen)} distinct training texts, but {count} are to be carved out: set "
            "prepare.n_importance and prepare.n_heldout lower (the latter: triggers.n_select + triggers.hotflip_batch)"
        )
    return list(chosen.values())


def _sample(rows: list[Row], count: int | None, *, seed: int) -> list[Row]:
    """All rows, or a random sample of them in their order."""
    if count is None or count >= len(rows):
        return rows
    order = np.random.default_rng(derived_seed(seed, "training subset")).permutation(len(rows))
    return [rows[number] for number in np.sort(order[:count])]
