"""Turn a sweep into one table and one figure.

In its folder: summary.csv, summary.md, summary.svg and summary.png. A row for each job, those that failed or have not
finished included.

Run: python -m pipeline.commands.sweep_summary sweeps/attribute/steps
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path

if TYPE_CHECKING:
    import argparse


def main(arguments: list[str] | None = None) -> None:
    """Write the summary and show its table."""
    parser = command_parser("sweep_summary", __doc__)
    parser.add_argument("folder", type=given_path, help="sweeps/<stage>/<sweep>")
    parser.add_argument("--panels", type=int, default=3, help="how many numbers the figure shows; default 3")
    run_command(parser, _summarise, arguments)


def _summarise(options: argparse.Namespace) -> None:
    from pipeline.commands.sweeps.jobs import analysed_jobs
    from pipeline.values.params import read_params
    from pipeline.values.store import replace, write_csv

    if options.panels < 1:
        raise InputError(f"--panels is {options.panels}, but must be at least 1")
    folder: Path = options.folder
    jobs = analysed_jobs(folder, prepared=Path.cwd())
    from pipeline.commands.sweeps.plots import sweep_figure
    from pipeline.commands.sweeps.tables import flat_rows, numbers, sweep_rows, sweep_text, varying_keys
    from pipeline.reporting.panels import save_figure

    dpi = read_params().figures.dpi
    rows = sweep_rows(jobs)
    text = sweep_text(rows, jobs)
    write_csv(folder / "summary.csv", flat_rows(rows))
    replace(folder / "summary.md", text.encode())
    sys.stdout.write(text)
    found = numbers(jobs)
    if found and varying_keys(jobs):
        save_figure(sweep_figure(jobs, panels=options.panels), folder / "summary", dpi=dpi)
        if len(found) > options.panels:
            sys.stdout.write(f"figure: {options.panels} of {len(found)} numbers; --panels {len(found)} draws all\n")
    else:
        for suffix in ("svg", "png"):
            (folder / f"summary.{suffix}").unlink(missing_ok=True)  # an earlier one
        sys.stdout.write("no figure: no number of the results varies with an override\n")


if __name__ == "__main__":
    main()
