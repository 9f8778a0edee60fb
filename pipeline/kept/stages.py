"""A stage in the working directory, as a process of its own that writes where DVC would have it write."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.errors import InputError
from pipeline.launch.signals import GRACE, LEADER
from pipeline.values.paths import SOURCE

SOURCE_STAGE = "source"  # which reads no values


def run_stage(stage: str, item: str = "", *, log: Path | None = None) -> None:
    """Run a stage for `<task>-<seed>`, or for all; what it says goes to the file `log`, or nowhere.

    Raises:
        InputError: if it fails, with the last line that it said.
    """
    values = () if stage == SOURCE_STAGE else ("run.tracking.mode=disabled",)
    environment = {
        **os.environ,
        "DVC_STAGE": f"{stage}@{item}" if item else stage,
        "PYTHONPATH": str(SOURCE),
        LEADER: str(os.getpid()),
    }
    with log.open("ab+") if log else tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", f"pipeline.{stage}", *values],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            code = process.wait()
        except BaseException:  # this process shall end
            process.terminate()
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
        if code:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
            name = environment["DVC_STAGE"]
            raise InputError(f"stage {name} failed: {lines[-1].removeprefix('error: ')}" + (f" ({log})" if log else ""))
