"""Rows of a task from a Parquet file or an Arrow table, checked column by column."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.data.tasks import TASKS
from pipeline.errors import InputError, refused

if TYPE_CHECKING:
    import pyarrow

LABEL = "label"

Row = dict[str, Any]


def read_rows(path: Path, task: str) -> list[Row]:
    """The rows of a Parquet file: the task's texts and labels; other columns are not read.

    Raises:
        InputError: naming the column or row that is missing or wrong.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    remedy = "fetch it again"
    with refused(f"{path} is not a Parquet file", remedy=remedy):
        # Checksums are checked where the file has them.
        file = ParquetFile(path, page_checksum_verification=True)
        schema = file.schema_arrow
    _check_columns(schema, task, where=str(path))
    columns = {}
    for name in _columns(task):
        with refused(f"{path} has a column {name} that cannot be read", remedy=remedy):
            columns[name] = file.read([name]).column(0)
    return checked_rows(pyarrow.table(columns), task, where=str(path))


def checked_rows(table: "pyarrow.Table", task: str, *, where: str) -> list[Row]:
    """The task's texts and labels, each text not empty and each label among the task's classes.

    Text may be of any string type, and of bytes that are UTF-8; labels of any integer type; both dictionary-encoded.

    Raises:
        InputError: naming `where` and the column or row that is missing or wrong.
    """
    _check_columns(table.schema, task, where=where)
    if not table.num_rows:
        raise InputError(f"{where} holds no examples")
    columns: dict[str, list[Any]] = {
        name: _texts(table.column(name), name, where=where) for name in TASKS[task].columns
    }
    columns[LABEL] = _labels(table.column(LABEL), len(TASKS[task].labels), where=where)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _columns(task: str) -> tuple[str, ...]:
    return (*TASKS[task].columns, LABEL)


def _check_columns(schema: "pyarrow.Schema", task: str, *, where: str) -> None:
    """Refuse columns that are missing, ambiguous or of a type that cannot be what they should."""
    from pyarrow import types

    for name in _columns(task):
        count = schema.names.count(name)
        if count == 0:
            raise InputError(f"{where} has no column {name}: it has {', '.join(sorted(schema.names)) or 'none'}")
        if count > 1:
            raise InputError(f"{where} has {count} columns {name}: leave one")
        kind = schema.field(name).type
        stored = kind.value_type if types.is_dictionary(kind) else kind
        if name == LABEL and not types.is_integer(stored):
            raise InputError(f"{where} has a column {name} of type {kind}: it must hold whole numbers")
        tests = (types.is_string, types.is_large_string, types.is_string_view)
        tests += (types.is_binary, types.is_large_binary, types.is_binary_view)
        if name != LABEL and not any(test(stored) for test in tests):
            raise InputError(f"{where} has a column {name} of type {kind}: it must hold text")


def _texts(column: "pyarrow.ChunkedArray", name: str, *, where: str) -> list[str]:
    import pyarrow

    with refused(f"{where} has a column {name} that is not UTF-8 text", remedy="store it as UTF-8"):
        # Through bytes: text is taken for what it says it is, bytes are looked at.
        texts = column.cast(pyarrow.large_binary()).cast(pyarrow.large_string()).to_pylist()
    for row, text in enumerate(texts):
        if text is None or not text.strip():
            raise InputError(f"{where} row {row} has no text in column {name}")
    return texts


def _labels(column: "pyarrow.ChunkedArray", classes: int, *, where: str) -> list[int]:
    labels = column.to_pylist()
    for row, label in enumerate(labels):
        if label not in range(classes):
            raise InputError(f"{where} row {row} has label {label}: it must be 0 to {classes - 1}")
    return labels
