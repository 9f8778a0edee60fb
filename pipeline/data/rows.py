"""Rows of a task from a file or an Arrow table, checked column by column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from pipeline.data.delimited import LINES, Line
from pipeline.errors import InputError, refused

if TYPE_CHECKING:
    import pyarrow

    from pipeline.values.task_table import Task

LABEL = "label"
LONGEST_LIST = 160  # characters
SUFFIXES = (".parquet", *LINES)
REQUOTE = {
    ".csv": "quote fields that hold commas or line breaks",
    ".tsv": "in .tsv a tab ends a field and a line feed its row, also in quotes; texts that hold them fit .csv",
}

Row = dict[str, Any]


def read_rows(path: Path, task: Task) -> list[Row]:
    """The rows of a Parquet, CSV or TSV file: the task's texts and label ids; other columns are not read.

    CSV and TSV are UTF-8 with a line of column names; in CSV fields with commas, quotes or line breaks are quoted, in
    TSV nothing is.

    Raises:
        InputError: naming the column or row that is missing or wrong.
    """
    if path.suffix in LINES:
        return _task_rows(_read_delimited(path, task), task, where=str(path))
    return checked_rows(_read_parquet(path, task), task, where=str(path))


def checked_rows(table: pyarrow.Table, task: Task, *, where: str) -> list[Row]:
    """The task's texts and label ids, each text not empty and each label one of the task's.

    Text may be of any string type, and of bytes that are UTF-8; labels of any string or integer type; all of them
    dictionary-encoded.

    Raises:
        InputError: naming `where` and the column or row that is missing or wrong.
    """
    _check_types(table.schema, task, where=where)
    texts = {name: _decoded(table.column(name), name, where=where) for name in task.texts}
    return _task_rows({**texts, task.label: table.column(task.label).to_pylist()}, task, where=where)


def _task_rows(columns: Mapping[str, Sequence[Any]], task: Task, *, where: str) -> list[Row]:
    if not columns[task.label]:
        raise InputError(f"{where} holds no examples")
    for name in task.texts:
        for row, text in enumerate(columns[name]):
            if text is None or not text.strip():
                raise InputError(f"{where} row {row} has no text in column {name}")
    found = {name: columns[name] for name in task.texts}
    found[LABEL] = _label_ids(columns[task.label], task, where=where)
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def _label_ids(stored: Iterable[Any], task: Task, *, where: str) -> list[int]:
    known = {_composed(name): number for name, number in task.label_ids.items()}
    allowed, ids = _listed(known), []
    for row, label in enumerate(stored):
        if (number := known.get(_composed(str(label))) if label is not None else None) is None:
            raise InputError(f"{where} row {row} has label {_shown(label)}: it must be one of {allowed}")
        ids.append(number)
    return ids


def _composed(label: str) -> str:
    return normalize("NFC", label)


def _read_delimited(path: Path, task: Task) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {name: [] for name in (*task.texts, task.label)}
    with refused(f"{path} cannot be read as {path.suffix[1:].upper()}", remedy="write it as UTF-8"):
        lines = LINES[path.suffix](path)
        header = next(lines, Line(1, [], [])).fields
        _check_names(header, task, where=str(path))
        places = {name: header.index(name) for name in columns}
        for line in lines:
            if len(line.fields) != len(header):
                raise InputError(
                    f"{path} line {line.number} has {len(line.fields)} fields, but the first line {len(header)}: "
                    f"{REQUOTE[path.suffix]}"
                )
            if len(line.written) > 1:
                _refuse_swallowed(line, len(header), places[task.label], task, where=str(path))
            for name, place in places.items():
                columns[name].append(line.fields[place])
    return columns


def _refuse_swallowed(line: Line, width: int, place: int, task: Task, *, where: str) -> None:
    """Refuse a row of several lines of which the first and the last are rows by themselves: a quote that is text."""
    known = {*map(_composed, task.label_ids)}
    for written in (line.written[0], line.written[-1]):
        # Where a comma stands between fields no space follows, as it does in a text.
        parts = [_composed(part.strip()) for part in re.split(r",(?!\s)", written.rstrip("\r\n"))]
        if len(parts) < width or known.isdisjoint((parts[place], parts[place - width])):
            return
    raise InputError(
        f"{where} line {line.number} opens a quote that holds {len(line.written)} lines together, of which the first "
        "and the last look like rows: double quotes that are text and put their field in quotes, or store the rows as "
        "Parquet"
    )


def _read_parquet(path: Path, task: Task) -> pyarrow.Table:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    remedy = "fetch it again"
    with refused(f"{path} is not a Parquet file", remedy=remedy):
        # Checksums are checked where the file has them.
        file = ParquetFile(path, page_checksum_verification=True)
        schema = file.schema_arrow
    _check_types(schema, task, where=str(path))
    columns = {}
    for name in (*task.texts, task.label):
        with refused(f"{path} has a column {name} that cannot be read", remedy=remedy):
            columns[name] = file.read([name]).column(0)
    return pyarrow.table(columns)


def _check_names(names: Sequence[str], task: Task, *, where: str) -> None:
    """Refuse columns that are missing or ambiguous."""
    for name in (*task.texts, task.label):
        count = names.count(name)
        if count == 0:
            raise InputError(f"{where} has no column {name}: it has {_listed(sorted(names)) or 'none'}")
        if count > 1:
            raise InputError(f"{where} has {count} columns {name}: leave one")


def _check_types(schema: pyarrow.Schema, task: Task, *, where: str) -> None:
    """Refuse columns that are missing, ambiguous or of a type that cannot be what they should."""
    from pyarrow import types

    _check_names(schema.names, task, where=where)
    text = (types.is_string, types.is_large_string, types.is_string_view)
    data = (types.is_binary, types.is_large_binary, types.is_binary_view)
    for name in (*task.texts, task.label):
        kind = schema.field(name).type
        stored = kind.value_type if types.is_dictionary(kind) else kind
        tests, allowed = ((*text, *data), "text")
        if name == task.label:
            tests, allowed = ((*text, types.is_integer), "text or whole numbers")
        if not any(test(stored) for test in tests):
            raise InputError(f"{where} has a column {name} of type {kind}: it must hold {allowed}")


def _decoded(column: pyarrow.ChunkedArray, name: str, *, where: str) -> list[str | None]:
    import pyarrow

    with refused(f"{where} has a column {name} that is not UTF-8 text", remedy="store it as UTF-8"):
        # Through bytes: text is taken for what it says it is, bytes are looked at.
        return column.cast(pyarrow.large_binary()).cast(pyarrow.large_string()).to_pylist()


def _listed(names: Iterable[str]) -> str:
    return shorten(", ".join(map(_shown, names)), LONGEST_LIST, placeholder=" ...")


def _shown(value: object) -> str:
    """The value as it is, or in quotes where it would not be seen to differ from another."""
    text = str(value)
    return text if text and text == text.strip() and text.isprintable() else ascii(text)
