"""Digests of what a stage wrote, beside it, in the format of `sha256sum`: whoever reads it can see that it is whole.

A folder holds them in `SHA256SUMS`, a file has them beside it, as `<name>.sha256`. The first line says whose they are.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from pipeline.errors import InputError
from pipeline.values.store import replace

IN_FOLDER = "SHA256SUMS"
BESIDE = ".sha256"


def sums_file(path: Path) -> Path:
    """Where the digests of an output are."""
    return path / IN_FOLDER if path.is_dir() else path.with_suffix(BESIDE)


def write_sums(path: Path, *, owner: str) -> None:
    """Write down the digests of a file, or of all files in a folder, that `owner`, a stage with its item, wrote."""
    sums = sums_file(path)
    lines = [f"{digest(file)}  {file.relative_to(sums.parent)}\n" for file in files_below(path) if file != sums]
    replace(sums, "".join([f"# {owner}\n", *lines]).encode())


def check_sums(path: Path, *, owner: str | None, remedy: str) -> None:
    """Refuse an output that differs from what its digests say, lacks a file, or is another owner's if one is given.

    One without digests passes: earlier versions wrote none.

    Raises:
        InputError: in a line that names the file and ends with `remedy`.
    """
    sums = sums_file(path)
    if not sums.is_file():
        return
    whose, *lines = sums.read_bytes().decode("utf-8", "replace").split("\n")
    if not whose.startswith("# ") or lines[-1:] != [""]:
        raise InputError(f"{sums} is damaged: {remedy}")
    if owner is not None and whose[2:] != owner:
        raise InputError(f"{path} is of {whose[2:]}, not of {owner}: {remedy}")
    expected: dict[Path, str] = {}
    for line in lines[:-1]:
        found = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
        if found is None:
            raise InputError(f"{sums} is damaged: {remedy}")
        expected[sums.parent / found[2]] = found[1]
    for file in files_below(path):
        if file != sums and file not in expected:
            raise InputError(f"{file} is not among the files that {sums} lists: {remedy}")
    for file, written in expected.items():
        if not file.is_file():
            raise InputError(f"{file} is missing, which {sums} lists: {remedy}")
        if not is_whole(file, written):
            raise InputError(f"{file} is damaged: it is not what was written (SHA-256 differs): {remedy}")


def files_below(path: Path) -> list[Path]:
    """The files in a folder and in those in it, in a fixed order; the path itself where it is a file."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def is_whole(path: Path, expected: str) -> bool:
    """Whether the file is there with this digest."""
    return path.is_file() and digest(path) == expected


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
