"""The command line of a stage: a Hydra app over the sections of params.yaml that dvc.yaml declares for it.

    python -m pipeline.prune task=negation seed=1                        one run by hand, into scratch/
    python -m pipeline.prune -m prune.random_orders=20,30 task=negation  one job per combination, into sweeps/
    python -m pipeline.attribute -m sweep=steps                          the values of conf/sweep/steps.yaml, likewise
    python -m pipeline.prune --help                                      what it does, and its values

Under DVC the first command writes the outputs that dvc.yaml names.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.launch.command import run_program
from pipeline.launch.environment import forget_options, output_root, quieten_loaders
from pipeline.launch.parent import end_with_parent
from pipeline.launch.preloaded import hand_over
from pipeline.terminal.help import is_asked_for, show_help

if TYPE_CHECKING:
    from pipeline.values.config import StageConfig


def run_stage(stage: str, main: "Callable[[StageConfig], None]") -> None:
    """Run `main` with the values of `stage`: the body of a stage's `if __name__ == "__main__"`.

    Bad input ends it with one line on stderr and exit code 2, SIGINT and SIGTERM with one line and 128 + signal; any
    other exception keeps its traceback. A multirun runs `main` once per job, and names at its end the jobs that failed.
    """
    hand_over()

    def with_values() -> None:
        from pipeline.launch.stage import run  # takes seconds, in which a signal may come

        run(stage, main)

    _run(stage, main, with_values)


def run_plain_stage(stage: str, main: Callable[[], None]) -> None:
    """Run a stage that reads no values, which need not be composed then."""

    def without_values() -> None:
        from pipeline.errors import InputError
        from pipeline.values.paths import repository

        if sys.argv[1:]:
            raise InputError(f"stage {stage} reads no values, but {sys.argv[1]} is given")
        os.chdir(repository())
        if (place := output_root(stage)) != Path():
            sys.stderr.write(f"by hand: what {stage} writes goes to {place}\n")
        main()

    _run(stage, main, without_values)


def _run(stage: str, main: Callable[..., None], do: Callable[[], None]) -> None:
    def work() -> None:
        if os.environ.get("DVC_STAGE"):
            end_with_parent()  # a signal to `dvc repro` alone would leave the stage behind
        forget_options()
        quieten_loaders()
        if is_asked_for(sys.argv[1:]):
            show_help(stage, sys.modules[main.__module__].__doc__ or "")
        else:
            do()

    run_program(work)
