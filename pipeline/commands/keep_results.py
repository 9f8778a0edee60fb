"""Add a finished run's replicates to a folder to commit.

The folder is new, or holds replicates of the same values and the same measuring source, whoever made them. Of a
replicate the outcomes of every experiment are kept, example by example, with what is known of where they are from; no
data, weights or attribution maps. Verdicts, tables, figures and report are made anew from all replicates.

Run: python -m pipeline.commands.keep_results results/mine
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path

if TYPE_CHECKING:
    import argparse


def main(arguments: list[str] | None = None) -> None:
    """Add what the run in this repository left, or change nothing."""
    parser = command_parser("keep_results", __doc__)
    parser.add_argument("results", type=given_path, help="such as results/mini: new, or with earlier replicates")
    run_command(parser, _keep, arguments)


def _keep(options: argparse.Namespace) -> None:
    from pipeline.kept.folder import add, held, new_records, refuse_no_results
    from pipeline.kept.pool import PARAMS, copy_kept, pool
    from pipeline.kept.records import Item, collect, read_records
    from pipeline.values.params import read_params
    from pipeline.values.store import put_in_place
    from pipeline.values.targets import hidden_beside

    folder, params = options.results.resolve(), read_params()
    items = [Item(task, seed) for task in params.tasks for seed in params.seeds]
    items += [Item(None, seed) for seed in params.seeds]
    records = [collect(item, params) for item in items]
    refuse_no_results(folder)
    with held(folder):
        there, fresh = read_records(folder), hidden_beside(folder)
        new = new_records(folder, records)
        try:
            fresh.mkdir()
            copy_kept(folder, fresh, there)
            add(fresh, Path(), new)
            shutil.copy((folder if there else Path()) / PARAMS, fresh)
            pool(fresh, beside=Path.cwd())
            put_in_place(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


if __name__ == "__main__":
    main()
