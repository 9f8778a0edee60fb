"""DVC, in a process group with the stages that it starts: all of them end with the command that started it.

Run: python -m pipeline.commands.running.dvc PARENT FORKS ARGUMENT [...]
"""

import os
import signal
import sys
import time
from contextlib import nullcontext

from pipeline.launch.parent import end_with_parent
from pipeline.launch.preloaded import preloaded
from pipeline.launch.signals import GRACE, exit_on_signal

PATIENCE = 5.0  # seconds for a stage that itself takes GRACE


def main() -> None:
    """Run DVC; on SIGTERM its locks are released, the stage is ended and waited for, and not a word is said."""
    parent, forks, *arguments = sys.argv[1:]
    end_with_parent(int(parent))

    def work() -> None:
        from dvc.cli import main as dvc  # takes a second, in which a signal may come

        with preloaded() if int(forks) else nullcontext():
            sys.exit(dvc(arguments))

    exit_on_signal(work, end_children=_end_group, patience=PATIENCE)


def _end_group() -> None:
    """End whatever this process, which leads its group, has started; SIGTERM has come to it already."""
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + GRACE + PATIENCE / 2
    while time.monotonic() < deadline:
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        time.sleep(0.02)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
