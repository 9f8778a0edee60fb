"""How every program of the project starts and ends, whatever it does: stages and commands."""

import argparse
import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.launch.interpreter import check_interpreter
from pipeline.launch.signals import exit_on_signal
from pipeline.terminal.errors import exit_on_bad_input
from pipeline.values.paths import repository


def run_program(work: Callable[[], None], *, patience: float = 0.0) -> None:
    """Call `work`, which imports what takes long itself, so that a signal may come meanwhile.

    Bad input ends it with one line on stderr and exit code 2; SIGINT and SIGTERM with one line and 128 + signal, within
    `signals.GRACE` and `patience` seconds. Any other exception keeps its traceback.
    """
    # Imports make a million objects that stay, and looking through them again and again takes a seventh of their time.
    gc.set_threshold(20_000, 20, 20)

    def guarded() -> None:
        with exit_on_bad_input():
            check_interpreter()
            work()

    exit_on_signal(guarded, patience=patience)


def run_command(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], object],
    arguments: Sequence[str] | None,
    *,
    folder: Callable[[], Path] = repository,
    patience: float = 0.0,
) -> None:
    """Call `work` with what the command line says: the body of a command's `main`.

    Args:
        parser: from `command_parser`; it ends the process for --help, and for what it refuses.
        work: gets what was given, and imports what takes long itself.
        arguments: the command line; None for this process's.
        folder: where `work` is called.
        patience: as in `run_program`.
    """
    options = parser.parse_args(arguments)

    def in_place() -> None:
        os.chdir(folder())
        work(options)

    run_program(in_place, patience=patience)
