"""Compose a preset and other values into params.yaml.

Which DVC and every stage read; its keys are what can be given. Nothing is written unless all values are allowed.

Run: python -m pipeline.commands.compose preset=minilm trainer=gpu prune.random_orders=50 'seeds=[1,2]'
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser
from pipeline.terminal.listing import presets, stages
from pipeline.values.paths import PRESETS, link_external

COMMAND = ("python", "-m", "pipeline.commands.compose")

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pipeline.values.schema import Params


def main(arguments: Sequence[str] | None = None) -> None:
    """Write params.yaml from the command line's overrides."""
    parser = command_parser("compose", __doc__)
    known = f"preset={'|'.join(presets(PRESETS / 'preset'))}, trainer=cpu|gpu|ddp, and values of params.yaml"
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help=known)
    run_command(parser, _compose, arguments)


def _compose(options: argparse.Namespace) -> None:
    from pipeline.values.params import PARAMS_FILE, dump_params
    from pipeline.values.presets import compose_params
    from pipeline.values.schema import external_folders
    from pipeline.values.store import replace

    params = compose_params(options.overrides)
    link_external(external_folders(params))
    _refuse_few_rows(params, options.overrides)
    run = described(params)
    command = shlex.join([*COMMAND, *options.overrides])
    header = f"Composed by: {command}\nEditing values is fine: `dvc repro` runs again what reads them."
    replace(PARAMS_FILE, dump_params(params, header=header).encode())
    sys.stdout.write(f"{run}\n")


def _refuse_few_rows(params: Params, overrides: Sequence[str]) -> None:
    """Refuse samples for which a task has too few rows, with the command that makes them smaller."""
    from pipeline.data.few_rows import few_rows

    if few := few_rows(params):
        kept = [given for given in overrides if given.partition("=")[0].lstrip("+") not in few.values]
        command = shlex.join([*COMMAND, *kept, *(f"{key}={value}" for key, value in few.values.items())])
        raise InputError(f"{few.why}; with smaller samples: {command}")


def described(params: Params) -> str:
    """One line on the run that `make repro` would be with these values, from the start."""
    from joblib import cpu_count

    from pipeline.commands.running.estimate import about, addresses, counted, known_seconds, time_left
    from pipeline.commands.running.plan import JOBS

    graph = addresses(stages(Path()), params)
    tasks, seeds = len(params.tasks), len(params.seeds)
    seconds = time_left(graph, known_seconds(params), at_once=min(JOBS, cpu_count()))
    return (
        f"make repro runs {counted(len(graph), 'stage')} for {counted(tasks * seeds, 'model')} "
        f"({counted(tasks, 'task')} x {counted(seeds, 'seed')})"
        + (f"; {about(seconds)} by earlier runs" if seconds else "")
    )


if __name__ == "__main__":
    main()
