"""Files of unfinished work, which a run that was cut off goes on from: each says whose it is, and whether it is whole.

Behind its content a file has a seal: a digest of it, and one of the key of the run and the file's name. A file without
the right one is set aside and made again, so that a disk's fault, or another run's file, cannot get into a result.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipeline.values.targets import fresh_beside, writing

if TYPE_CHECKING:
    from collections.abc import Callable

DIGEST = hashlib.sha256().digest_size
SEAL = 2 * DIGEST  # bytes at the end of a file
ASIDE = ".damaged"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unfinished:
    """The folder of a run's unfinished work. `key` tells the run from every other."""

    folder: Path
    key: str

    def within(self, name: str) -> Unfinished:
        """A folder in it, for a part of the work."""
        return Unfinished(self.folder / name, f"{self.key}/{name}")

    def path(self, name: str) -> Path:
        """Where the file of this name is."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Whether the file is there. One that is damaged, or of other work, is set aside with a word."""
        path = self.path(name)
        if not path.is_file():
            return False
        if self._is_whole(path):
            return True
        aside = path.with_name(f"{name}{ASIDE}")
        path.replace(aside)
        log.warning("%s is damaged, or of another run: it is now %s, and its work is done again", path, aside.name)
        return False

    def write(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """Make the file of what `write` writes into it, whole or not at all.

        Raises:
            InputError: if the system refuses, as it does on a full disk.
        """
        path = self.path(name)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with fresh_beside(path) as (partial, file):
                write(file)
                file.flush()
                with partial.open("rb") as written:
                    digest = hashlib.file_digest(written, "sha256").digest()
                file.seek(0, os.SEEK_END)
                file.write(digest + self._owner(path))
                file.close()
                partial.replace(path)

    def read(self, name: str) -> io.BytesIO | None:
        """The content of the file; None where `has` says that there is none."""
        if not self.has(name):
            return None
        return io.BytesIO(self.path(name).read_bytes()[:-SEAL])

    def _is_whole(self, path: Path) -> bool:
        length = path.stat().st_size - SEAL
        if length < 0:
            return False
        digest = hashlib.sha256()
        with path.open("rb") as file:
            left = length
            while left and (part := file.read(min(left, 1 << 20))):
                digest.update(part)
                left -= len(part)
            return file.read() == digest.digest() + self._owner(path)

    def _owner(self, path: Path) -> bytes:
        return hashlib.sha256(f"{self.key}/{path.name}".encode()).digest()
