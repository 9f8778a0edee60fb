"""One run at a time writes to a place, and what a killed one left there is removed by the next."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.inputs import own_outputs
from pipeline.launch.work import work_place
from pipeline.values.paths import times_file
from pipeline.values.targets import remove_leftovers, writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.values.config import StageConfig

LONGEST = 10.0  # seconds in which the processes of a run that was stopped or killed end


@contextmanager
def alone(config: StageConfig) -> Iterator[None]:
    """Let no other run write where this one does, and begin without the leftovers of one that was killed.

    Raises:
        InputError: if one is still at it after some seconds.
    """
    place = work_place(config)
    lock = place.with_name(f"{place.name}.lock")
    number = _locked(lock, config)
    try:
        for path in (*own_outputs(config), times_file(config.output_root, config.stage, config.label)):
            remove_leftovers(path)
        yield
    finally:
        # By its name nobody finds it any more; one who waits for it looks for another.
        lock.unlink(missing_ok=True)
        os.close(number)
        with suppress(OSError):  # of others there is something in it
            for folder in lock.parents[:-1]:
                folder.rmdir()


def _locked(lock: Path, config: StageConfig) -> int:
    """An open file that holds the lock, and the number of the process in it."""
    last = time.monotonic() + LONGEST
    while True:
        with writing(lock):
            lock.parent.mkdir(parents=True, exist_ok=True)
            try:
                number = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
            except FileNotFoundError:  # another run has ended, and removed the folder
                continue
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(number, 20).decode(errors="replace").strip()
            os.close(number)
            if time.monotonic() > last:
                who = f"process {other}" if other else "another process"
                raise InputError(
                    f"{config.stage} {config.label}".rstrip() + f" is being run by {who} in this folder already: "
                    "wait until it has ended, or stop it"
                ) from None
            time.sleep(0.1)
            continue
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(number), lock.stat()):
                with writing(lock):
                    os.ftruncate(number, 0)
                    os.write(number, f"{os.getpid()}\n".encode())
                return number
        os.close(number)  # the one who held it has removed it in the meantime
