"""Fill tables of verdicts and scores in README and method.

What stands there between `<!-- filled: NAME -->` and `<!-- end of filled -->` is made of what committed runs found,
those that are listed in pipeline/commands/filling/runs.py; a test fails where it differs from them.

Run: python -m pipeline.commands.fill_tables
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser
from pipeline.values.paths import SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES = ("README.md", "docs/method.md")


def main(arguments: list[str] | None = None) -> None:
    """Write the files whose parts have changed, and name them."""
    run_command(command_parser("fill_tables", __doc__), lambda _: _fill(SOURCE), arguments)


def _fill(root: Path) -> None:
    for name, text in filled(root).items():
        changed = text != (root / name).read_text(encoding="utf-8")
        if changed:
            (root / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'filled   ' if changed else 'unchanged'} {name}\n")


def filled(root: Path) -> Mapping[str, str]:
    """What the files should hold, by their names, from the runs in `results/` of the same folder."""
    from pipeline.commands.filling.marks import fill
    from pipeline.commands.filling.questions import QUESTIONS
    from pipeline.commands.filling.runs import read_runs
    from pipeline.commands.filling.tables import costs, full, measured_on, summary
    from pipeline.commands.filling.verdicts import verdicts

    runs = read_runs(root / "results", [*dict.fromkeys(question.experiment for question in QUESTIONS)])
    parts = {
        "verdicts": verdicts(root / "results"),
        "summary of scores": f"{summary(runs)}\n\n{measured_on(runs)}",
        "scores": f"{measured_on(runs)}\n\n{full(runs)}",
        "costs": costs(),
    }
    return {name: fill((root / name).read_text(encoding="utf-8"), parts) for name in FILES}


if __name__ == "__main__":
    main()
