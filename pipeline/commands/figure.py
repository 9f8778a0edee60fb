"""Draw one figure of the finished run, as SVG and as PNG.

From what has been measured. The files are those of the `figures` stage; without a folder they go to the current one.

Run: python -m pipeline.commands.figure pruning [folder]
"""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError
from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser, given_path

if TYPE_CHECKING:
    import argparse


def main(arguments: list[str] | None = None) -> None:
    """Draw it and show where it is."""
    parser = command_parser("figure", __doc__)
    parser.add_argument("name", help="as in the report, without a suffix")
    parser.add_argument("folder", type=given_path, nargs="?", default=".")
    run_command(parser, _draw, arguments)


def _draw(options: argparse.Namespace) -> None:
    if not options.folder.is_dir():
        raise InputError(f"there is no folder {options.folder}: make it, or name another")
    from pipeline.values.params import read_params
    from pipeline.values.paths import analysis_folder
    from pipeline.values.present import present

    params = read_params()
    present(analysis_folder(Path(), "claims") / "records.json", "analyse")
    from pipeline.reporting.drawing import curves, examples
    from pipeline.reporting.panels import save_figure
    from pipeline.reporting.results import Results

    results, known = Results(Path(), params.tasks, params.seeds), []
    for name, figure in chain(curves(results, params.figures), examples(results, params.figures)):
        if name == options.name:
            png = save_figure(figure, options.folder / name, dpi=params.figures.dpi)
            sys.stdout.write(f"{png.with_suffix('.svg')}\n{png}\n")
            return
        known.append(name)
    raise InputError(f"there is no figure {options.name!r} in this run: known are {', '.join(known)}")


if __name__ == "__main__":
    main()
