"""Byte-stable files: the same content gives the same bytes, so that DVC sees "unchanged"."""

import csv
import errno
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from pipeline.values.targets import fresh_beside, hidden_beside, stream_to, writing

# A file that may be written but not replaced: mounted by itself, or another user's in a shared folder.
HELD = (errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES)


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part; folders above it are made.

    A link stays, and what it names is written. A file keeps its mode; other names of the same file (hard links) keep
    the old content. A device, a pipe or an open file such as /dev/stdout takes the content as it comes.

    Raises:
        InputError: if the system refuses, as it does on a full disk.
    """
    with writing(path):
        stream = stream_to(path)
        if stream is not None:
            for printed in (sys.stdout, sys.stderr):  # what was said before comes before
                printed.flush()
            with os.fdopen(stream, "wb") as file:
                file.write(content)
            return
        place = Path(os.path.realpath(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        with fresh_beside(place) as (partial, file):
            file.write(content)
            file.close()
            try:
                partial.replace(place)
            except OSError as error:
                if error.errno not in HELD or not place.is_file():
                    raise
                with place.open("r+b") as old:
                    old.write(content)
                    old.truncate()


def put_in_place(fresh: Path, folder: Path) -> None:
    """Make the folder `fresh` the folder `folder` of the same file system; what was there is deleted only then.

    A link to a folder stays, and the folder behind it is replaced.
    """
    folder = Path(os.path.realpath(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    old = hidden_beside(folder)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """JSON with sorted keys, floats rounded to 10 significant digits."""
    text = json.dumps(_rounded(value), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    replace(path, f"{text}\n".encode())


def read_json(path: Path) -> dict[str, Any]:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A Parquet table of `rows`, in their order."""
    replace(path, parquet_of(rows))


def parquet_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The content of a Parquet file of `rows`, in their order."""
    import pyarrow

    return _parquet_of(pyarrow.Table.from_pylist(list(rows)))


def read_rows(path: Path | BytesIO, *, columns: Sequence[str] | None = None, **where: Any) -> list[dict[str, Any]]:
    """The rows of a Parquet file, with all columns or some, and only those in which columns have the values `where`."""
    # `pyarrow.parquet.read_table` would import pandas, a third of a second in every stage.
    import pyarrow.compute
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        if file.metadata.num_columns == 0:  # written without rows: nothing said which columns they would have had
            return []
        table = file.read(None if columns is None else [*columns, *(name for name in where if name not in columns)])
    for name, value in where.items():
        table = table.filter(pyarrow.compute.call_function("equal", [table[name], value]))
    return table.select(list(columns) if columns is not None else table.column_names).to_pylist()


def write_columns(path: Path, columns: Mapping[str, Any]) -> None:
    """A Parquet table of columns, NumPy arrays of one length."""
    import pyarrow

    def array(values: Any) -> Any:
        # From a list, as PyArrow imports pandas to look at an array.
        kind = pyarrow.string() if values.dtype.kind == "U" else pyarrow.from_numpy_dtype(values.dtype)
        return pyarrow.array(values.tolist(), type=kind)

    replace(path, _parquet_of(pyarrow.table({name: array(values) for name, values in columns.items()})))


def _parquet_of(table: Any) -> bytes:
    import pyarrow
    import pyarrow.parquet

    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A CSV table of `rows`, whose keys are the first row's; floats have 10 significant digits. Empty without rows."""
    text = StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    if rows:
        writer.writeheader()
    writer.writerows(_rounded(row) for row in rows)
    replace(path, text.getvalue().encode())
