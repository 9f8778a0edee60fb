"""Lines of TSV and CSV files: in the former every line is a row and a quote is text, in the latter quotes hold fields.

None of them is guessed at: a TSV of which a doubled quote shows that it was written as CSV is refused, and so is a
quote that would swallow rows of a CSV.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import InputError

LONGEST_FIELD = 2**31 - 1  # characters; the csv module's own 131,072 are less than a long document has
QUOTED_AS_IN_CSV = re.compile(r'"(?:[^"]|"")*"')
NEEDS_QUOTES = re.compile(r'""|\r')


class Line(NamedTuple):
    """A row's fields, with the number of its first line, from 1, and the file's lines that it is written in."""

    number: int
    fields: list[str]
    written: list[str]


def tsv_lines(path: Path) -> Iterator[Line]:
    """The lines that are not empty, each cut at its tabs and nowhere else: no quote has a meaning, as in GLUE's files.

    Raises:
        InputError: where every quote in the file is written as CSV writes it, and some of them show that it was.
    """
    as_csv, as_text = 0, False
    # No other character ends a line than a line feed: texts may hold them.
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            fields = (text := line.removesuffix("\n").removesuffix("\r")).split("\t")
            if number == 1 and "\r" in text:
                raise InputError(f"{path} ends its lines with carriage returns alone: end them with line feeds")
            for field in fields if '"' in text else ():
                if QUOTED_AS_IN_CSV.fullmatch(field):
                    as_csv = as_csv or (number if NEEDS_QUOTES.search(field[1:-1]) else 0)
                else:
                    as_text |= '"' in field
            if text:
                yield Line(number, fields, [text])
    if as_csv and not as_text:
        raise InputError(
            f"{path} line {as_csv} has a field that is quoted as in CSV, but in .tsv quotes are text: write it as "
            ".csv, with commas, or without quoting"
        )


def csv_lines(path: Path) -> Iterator[Line]:
    """The rows that are not empty; a field with commas, quotes or line breaks stands in quotes, its own doubled.

    Raises:
        InputError: with the line, where a quote is not closed or is followed by text.
    """
    import csv

    written: list[str] = []

    def noted(lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            written.append(line)
            yield line

    with path.open(encoding="utf-8-sig", newline="") as file, _fields_of_any_length():
        # Strict: what is quoted in another manner would silently run rows together.
        reader, number = csv.reader(noted(file), strict=True), 1
        try:
            for fields in reader:
                if fields:
                    yield Line(number, fields, [*written])
                written.clear()
                number = reader.line_num + 1
        except csv.Error as error:
            raise InputError(
                f"{path} line {number} cannot be read as CSV ({error}): put a field that has quotes in quotes, and "
                "double its own"
            ) from None


LINES = {".csv": csv_lines, ".tsv": tsv_lines}


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    import csv

    usual = csv.field_size_limit(LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(usual)
