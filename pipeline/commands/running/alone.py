"""One `make repro` at a time, and none beside what a killed one has left."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError
from pipeline.launch.signals import GRACE

FILE = Path(".dvc/tmp/repro.lock")
RWLOCK = Path(".dvc/tmp/rwlock")
LONGEST = GRACE + 10.0  # seconds until those whose parent was killed have ended


@contextmanager
def alone() -> Iterator[int]:
    """An open file for those processes that have to end before another `make repro` begins.

    Raises:
        InputError: if another one runs here.
    """
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with FILE.open("a+", encoding="utf-8") as file:
        deadline = time.monotonic() + LONGEST
        while not _is_locked_by_this(file.fileno()):
            file.seek(0)
            other = file.read()
            if _runs(other) or time.monotonic() > deadline:
                raise InputError(f"another `make repro` runs here (process {other}): wait for it, or stop it")
            time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def forget_the_dead() -> None:
    """Remove DVC's list of files in use if none of the processes in it runs, or if it was cut off.

    Of those that were killed DVC warns one by one; a number that another process has meanwhile makes it refuse.
    """
    import psutil

    try:
        held, written = json.loads(RWLOCK.read_bytes()), RWLOCK.stat().st_mtime
        using = [*held.get("write", {}).values(), *(one for many in held.get("read", {}).values() for one in many)]
        numbers = {int(one["pid"]) for one in using}
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, AttributeError):
        numbers, written = set(), 0.0
    for number in numbers:
        try:
            if psutil.Process(number).create_time() <= written:
                return
        except psutil.Error:
            continue
    RWLOCK.unlink()


def _is_locked_by_this(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _runs(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
