"""A folder of kept replicates: what may be added to it, and how."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.kept.records import ENTRIES, item_of, read_records, record_file, refuse_damaged
from pipeline.values.models import is_kept
from pipeline.values.store import replace, write_json
from pipeline.values.targets import remove_leftovers, writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipeline.kept.records import Record
    from pipeline.values.schema import Params


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Let one process at a time change the folder: others wait. The folders above it are made."""
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        remove_leftovers(folder)
        yield
    finally:
        os.close(number)


def refuse_no_results(folder: Path) -> None:
    """Refuse a folder that is there and is no kept run, as something else may be in it."""
    if folder.exists() and not (folder / "params.yaml").is_file() and not is_kept(folder):
        raise InputError(f"{folder} is there and holds no results: name a folder that is new or does")


def new_records(folder: Path, records: Sequence[Record]) -> list[Record]:
    """Those of `records` that the folder does not have yet; of a seed's planted paths the first ones stay.

    Raises:
        InputError: if one has other values or source than those in the folder, or other outcomes than the same
            replicate there; or if a file in the folder is damaged.
    """
    there = read_records(folder)
    refuse_damaged(folder, there)
    known = {item_of(record): record for record in there}
    found = []
    for record in records:
        item = item_of(record)
        for other in there:
            _refuse_other(record, other, folder)
        if item not in known:
            found.append(record)
        elif item.task is not None and record["files"] != known[item]["files"]:
            other = sorted(name for name, _ in record["files"].items() ^ known[item]["files"].items())[0]
            raise InputError(
                f"{folder} has {item.name} already, with another {other}: to replace it remove "
                f"{record_file(folder, item)} first"
            )
    return found


def refuse_different(folder: Path, records: Sequence[Record]) -> None:
    """Refuse records of one folder, as git may have merged them, that differ in values or source."""
    for number, record in enumerate(records):
        for other in records[:number]:
            _refuse_other(record, other, folder)


def add(folder: Path, root: Path, records: Sequence[Record]) -> None:
    """Copy the files of the records, which are below `root`, then the records: without its record a file is nothing."""
    for record in records:
        for name in record["files"]:
            replace(folder / name, (root / name).read_bytes())
        write_json(record_file(folder, item_of(record)), record)


def _refuse_other(record: Record, other: Record, folder: Path) -> None:
    a, b = item_of(record), item_of(other)
    for stage, said in record["source"].items():
        if other["source"].get(stage, said) != said:
            raise InputError(
                f"stage {stage} of {a.name} ran from other source than that of {b.name} in {folder}: "
                f"{said} and {other['source'][stage]} (commits {record['commit']} and {other['commit']})"
            )
    for section, values in record["values"].items():
        compared = section in other["values"] and (section not in ENTRIES or a.task == b.task)
        if compared and (difference := difference_of(values, other["values"][section], section)):
            key, new, old = difference
            raise InputError(f"{key} of {a.name} is {new}, but of {b.name} in {folder} {old}")


def refuse_other_values(params: Params, records: Sequence[Record], folder: Path) -> None:
    """Refuse a params.yaml that is not the one by which the replicates were measured."""
    values = params.model_dump(mode="json")
    for record in records:
        for section, measured in record["values"].items():
            if section not in ENTRIES and (difference := difference_of(values[section], measured, section)):
                key, now, then = difference
                name = item_of(record).name
                raise InputError(f"{key} is {now} in {folder / 'params.yaml'}, but {name} was measured with {then}")


def difference_of(new: Any, old: Any, key: str) -> tuple[str, Any, Any] | None:
    """The first value that differs, by its key."""
    if isinstance(new, dict) and isinstance(old, dict):
        for name in [*new, *(name for name in old if name not in new)]:
            if found := difference_of(new.get(name), old.get(name), f"{key}.{name}"):
                return found
        return None
    return None if new == old else (key, new, old)
