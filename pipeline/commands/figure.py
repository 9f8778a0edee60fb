"""Draw one figure of the finished run, as SVG and as PNG.

From what has been measured. The files are those of the `figures` stage; without a folder they go to the current one.

Run: python -m pipeline.commands.figure pruning [folder]
"""

import os
import sys
from itertools import chain
from pathlib import Path

from pipeline.errors import InputError
from pipeline.terminal.arguments import command_parser
from pipeline.terminal.errors import exit_on_bad_input
from pipeline.values.params import read_params
from pipeline.values.paths import repository


def main(arguments: list[str] | None = None) -> None:
    """Draw it and show where it is."""
    parser = command_parser("figure", __doc__)
    parser.add_argument("name", help="as in the report, without a suffix")
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    options = parser.parse_args(arguments)
    with exit_on_bad_input():
        folder = options.folder.resolve()
        if not folder.is_dir():
            raise InputError(f"there is no folder {options.folder}: make it, or name another")
        os.chdir(repository())
        params = read_params()
        from pipeline.reporting.drawing import curves, examples
        from pipeline.reporting.panels import save_figure
        from pipeline.reporting.results import Results

        results, known = Results(Path(), params.tasks, params.seeds), []
        for name, figure in chain(curves(results, params.figures), examples(results, params.figures)):
            if name == options.name:
                png = save_figure(figure, folder / name, dpi=params.figures.dpi)
                sys.stdout.write(f"{png.with_suffix('.svg')}\n{png}\n")
                return
            known.append(name)
        raise InputError(f"there is no figure {options.name!r} in this run: known are {', '.join(known)}")


if __name__ == "__main__":
    main()
