"""Run what has changed, several models at once.

What `make repro` does. Each model with work has a process of DVC, with its share of the cores, for the stages that wait
for no other model; then for those that read several models' results; what is over all models follows. Ctrl-C and
SIGTERM end it with all that it has started, and the same command goes on. Without JOBS it is two models at once, or one
if this process may use one core alone.

Run: python -m pipeline.commands.repro 2
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from pipeline.commands.running.telling import Telling
    from pipeline.launch.places import Places
    from pipeline.values.schema import Params

MOST_JOBS = 1024
UP_TO_DATE = "Data and pipelines are up to date.\n"  # as DVC says it
DVC = ("--wait-for-lock", "repro")
REST = "what is over all models"
PATIENCE = 12.0  # seconds, until the last of DVC's processes has ended


def main(arguments: list[str] | None = None) -> None:
    """Check, run, conclude; exit with 1 if a stage failed."""
    parser = command_parser("repro", __doc__)
    parser.add_argument("jobs", metavar="JOBS", type=int, nargs="?", help="how many models at once")
    run_command(parser, _repro, arguments, patience=PATIENCE)


def _repro(options: argparse.Namespace) -> None:
    if options.jobs is not None and not 1 <= options.jobs <= MOST_JOBS:
        raise InputError(f"JOBS is {options.jobs}, but must be at least 1 and at most {MOST_JOBS}")
    if os.environ.get("MAKELEVEL"):
        from pipeline.launch.parent import end_with_parent

        end_with_parent()
    from pipeline.commands.check import check_repository
    from pipeline.commands.conclusion import conclude
    from pipeline.commands.running.alone import alone

    params = check_repository()
    with alone() as lock:
        _run(params, options.jobs, lock)
    conclude()


def _run(params: Params, jobs: int | None, lock: int) -> None:
    from joblib import cpu_count  # those that this process may use

    from pipeline.commands.running.lock_file import keep_lock_file
    from pipeline.commands.running.plan import JOBS, plan
    from pipeline.commands.running.telling import telling
    from pipeline.launch.places import Places, gpus

    keep_lock_file()
    on_cpu = params.run.trainer.accelerator == "cpu"
    places = Places(() if on_cpu else gpus(), each=params.run.trainer.devices)
    how = {"lock": lock, "forks": on_cpu, "places": places}  # a GPU may not be used in a fork
    at_once = jobs or len(places) or min(JOBS, cpu_count())
    # A user's own choice goes before.
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, cpu_count() // at_once))
    models = [f"{task}-{seed}" for task in params.tasks for seed in params.seeds]
    models += map(str, params.seeds)  # of planted paths, which have no task
    todo = plan(models)
    if not todo.changed:
        sys.stdout.write(UP_TO_DATE)
        return
    with telling(params) as told:
        if todo.shared:
            _dvc({"what all models need": todo.shared}, told, **how)
            todo = plan(models)
        done = None
        while todo.models and todo.models != done:  # what is still there would never end
            told.expect(todo.stale, at_once=at_once)
            _dvc(todo.models, told, at_once=at_once, variables={"OMP_NUM_THREADS": threads}, **how)
            done, todo = todo.models, plan(models)
        if todo.changed:
            told.expect(todo.stale, at_once=at_once)
            _dvc({REST: ()}, told, **how)
        else:
            told.say(UP_TO_DATE.strip())


def _dvc(
    stages: Mapping[str, Sequence[str]],
    told: Telling,
    *,
    lock: int,
    forks: bool,
    places: Places,
    at_once: int = 1,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run the stages of each name by one process of DVC: these alone, or all where none are listed."""
    from pipeline.commands.running.children import run_dvc
    from pipeline.commands.running.lock_file import keep_lock_file
    from pipeline.commands.running.telling import LOG
    from pipeline.launch.signals import signal_name

    jobs = {name: [*DVC, *(("--single-item", *listed) if listed else ())] for name, listed in stages.items()}
    failed: list[str] = []
    running = run_dvc(
        jobs, at_once=at_once, variables=variables or {}, places=places, lock=lock, forks=forks, listener=told
    )
    for name, code in running:
        told.leave(name, failed=bool(code))
        if code:
            signal = signal_name(code)
            failed.append(f"{name} (ended by {signal})" if signal else name)
        keep_lock_file()
    if failed:
        sys.stderr.write(f"all that was said: {LOG}\n")
        sys.exit(f"error: stages of {', '.join(failed)} failed")


if __name__ == "__main__":
    main()
