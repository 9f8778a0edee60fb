"""Draw the figures of a run again, from Weights & Biases alone.

Without a DVC remote or an output: the run `analyse` of every pipeline run holds the statistics. The figures are those
of the stage `figures`, byte for byte, but for heat maps and trees of single examples, whose scores W&B does not have.
GROUP is a pipeline run's, such as mini-1a2b3c4d. Statistics and values are put beside the figures.

Run: python -m pipeline.commands.redraw GROUP FOLDER [--entity E] [--project P]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path
from pipeline.values.targets import check_new_folder

if TYPE_CHECKING:
    import argparse


def main(arguments: list[str] | None = None) -> None:
    """Fetch, draw, and show where the figures are."""
    parser = command_parser("redraw", __doc__)
    parser.add_argument("group", metavar="GROUP", help="the pipeline run's name, as in its report")
    parser.add_argument("folder", metavar="FOLDER", type=given_path, help="a folder that is not there yet")
    parser.add_argument("--entity", help="the user or team on W&B (run.tracking.entity)")
    parser.add_argument("--project", help="the project (run.tracking.project)")
    run_command(parser, _redraw, arguments)


def _redraw(given: argparse.Namespace) -> None:
    check_new_folder(given.folder)
    from pipeline.values.params import PARAMS_FILE, read_params

    settings = read_params().run.tracking
    from pipeline.commands.publishing.fetch import fetch_figure_data
    from pipeline.commands.publishing.upload import log_in

    entity = log_in(given.entity or settings.entity)
    fetch_figure_data(given.group, given.folder, place=f"{entity}/{given.project or settings.project}")
    from pipeline.reporting.drawing import curves
    from pipeline.reporting.panels import save_figure
    from pipeline.reporting.results import Results

    params = read_params(given.folder / PARAMS_FILE)
    for name, figure in curves(Results(given.folder, params.tasks, params.seeds), params.figures):
        sys.stdout.write(f"{save_figure(figure, given.folder / name, dpi=params.figures.dpi)}\n")


if __name__ == "__main__":
    main()
