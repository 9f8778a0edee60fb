"""A file that an earlier stage writes, or what to run for it."""

from pathlib import Path

from pipeline.errors import InputError


def present(path: Path, stage: str) -> Path:
    """`path`, which is there; InputError naming the stage that writes it if it is not."""
    if not path.is_file():
        raise InputError(f"{path} is missing; run: dvc repro {stage}")
    return path
