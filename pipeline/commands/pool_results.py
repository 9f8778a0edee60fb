"""Make statistics and verdicts of all replicates in a folder.

Tables, figures and report, too: after `replicate` has added some, or git has merged two clones' results.

Run: python -m pipeline.commands.pool_results results/study
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path

if TYPE_CHECKING:
    import argparse


def main(arguments: list[str] | None = None) -> None:
    """Pool, or change nothing."""
    parser = command_parser("pool_results", __doc__)
    parser.add_argument("results", type=given_path, help="a folder with replicates, such as results/study")
    run_command(parser, _pool, arguments)


def _pool(options: argparse.Namespace) -> None:
    from pipeline.kept.folder import held, refuse_different, refuse_no_results
    from pipeline.kept.pool import pool
    from pipeline.kept.records import read_records

    folder = options.results.resolve()
    refuse_no_results(folder)
    with held(folder):
        refuse_different(folder, read_records(folder))
        pool(folder)


if __name__ == "__main__":
    main()
