"""Processes of a run in the working directory: which there are, what they said, which stages they started."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

Start = Callable[..., "subprocess.Popen[str]"]


def processes(folder: Path) -> list[psutil.Process]:
    """Those that work in a folder, this one excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.pid != os.getpid() and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Its exit code, and what it wrote to stdout and to stderr."""
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def until(condition: Callable[[], object], *, seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ran() -> list[str]:
    """The stages that have been started since it was last asked."""
    files = sorted(Path().glob("ran-*"))
    for file in files:
        file.unlink()
    return [file.name.removeprefix("ran-") for file in files]
