"""Data of one's own with few rows: whether they suffice for the samples that `prepare` takes out of them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.data.rows import SUFFIXES, Row
from pipeline.data.sources import load_rows
from pipeline.data.splits import normalised, split
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.values.schema import Params, Prepare
    from pipeline.values.task_table import Task

MANY = 10  # times the samples: rows that suffice in any case, and need not be read
PART = 6  # of the distinct texts go into a sample where they are few
LEAST = 2 * PART  # texts, of which a sample is one to select triggers on and one for HotFlip


class Few(NamedTuple):
    """Why rows do not suffice, and values with which they do, by their keys."""

    why: str
    values: dict[str, int]


def few_rows(params: Params) -> Few | None:
    """The first task of a folder whose training rows do not suffice; None where all do, or cannot be read as they are.

    What is wrong with a file `prepare` says.

    Raises:
        InputError: if they do not suffice for any samples.
    """
    for name in params.tasks if params.data.source == "folder" else ():
        task, settings = params.table[name], params.prepare
        taken = settings.n_heldout + (settings.n_importance if settings.protocol == "heldout" else 0)
        if not _is_small(Path(params.data.dep) / name / task.train, most=MANY * taken):
            continue
        try:
            rows = load_rows(params.data, task)
        except InputError:
            continue
        if _suffice(rows, task, settings, params.seeds):
            continue
        texts = len({tuple(normalised(row[column]) for column in task.texts) for row in rows["train"]})
        why = f"{name} has {texts} distinct training texts, too few to take {taken} of them out of the training"
        while texts >= LEAST:
            values = _values(params, texts)
            smaller = {key.partition(".")[2]: value for key, value in values.items() if key.startswith("prepare.")}
            if _suffice(rows, task, settings.model_copy(update=smaller), params.seeds):
                return Few(why, values)
            texts //= 2
        raise InputError(f"{why}, and for any smaller samples: add rows")
    return None


def _values(params: Params, texts: int) -> dict[str, int]:
    """Samples of a few parts of the texts, none larger than it is."""
    held = min(params.prepare.n_heldout, texts // PART)
    raised = min(params.triggers.hotflip_batch, max(1, held // 4))
    return {
        "prepare.n_importance": min(params.prepare.n_importance, texts // PART),
        "prepare.n_heldout": held,
        "triggers.n_select": min(params.triggers.n_select, held - raised),
        "triggers.hotflip_batch": raised,
    }


def _suffice(rows: dict[str, list[Row]], task: Task, settings: Prepare, seeds: tuple[int, ...]) -> bool:
    try:
        for seed in seeds:
            split(rows, task, settings, seed=seed)
    except InputError:
        return False
    return True


def _is_small(file: Path, *, most: int) -> bool:
    """Whether the one file of a split, here without its suffix, has at most so many rows."""
    for suffix in SUFFIXES:
        path = file.with_name(file.name + suffix)
        if path.is_file() and suffix == ".parquet":
            from pyarrow import ArrowException
            from pyarrow.parquet import read_metadata

            try:
                return read_metadata(path).num_rows <= most
            except (OSError, ArrowException):
                return False
        if path.is_file():
            with path.open("rb") as lines:
                return sum(1 for _ in islice(lines, most + 2)) <= most + 1  # of a heading and rows
    return False
