"""Print the table of claims, and where the report is.

The last lines of `make repro`.

Run: python -m pipeline.commands.conclusion
"""

import csv
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap

from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser
from pipeline.values.paths import summary_folder
from pipeline.values.present import present

ALONE = (5, 39, 32)  # columns: with two between them 80
WITH_KEPT = (5, 27, 21, 21)
REMADE = ("dvc.lock", "metrics")
# What makes other numbers than those that are committed.
CAUSES = ("params.yaml", "conf", "attattr", "pipeline", "requirements.lock", "requirements.model.lock")


def main(arguments: list[str] | None = None) -> None:
    """Read what `tables` and `analyse` wrote."""
    run_command(command_parser("conclusion", __doc__), lambda _: conclude(), arguments)


def conclude() -> None:
    """Print claims and verdicts, where their values are and what stages said, and the report's absolute path.

    Raises:
        InputError: if there is no table yet.
    """
    from pipeline.commands.running.telling import LOG

    here, tables = Path.cwd(), summary_folder(Path(), "tables")
    with present(tables / "claims.csv", "tables").open(encoding="utf-8", newline="") as file:
        claims = [*csv.DictReader(file)]
    preset, kept = _kept()
    lines = [verdicts(claims, kept)]
    if kept:
        lines.append(f"one model a task decides no claim; the kept results are those of results/{preset}")
    lines += [f"values and intervals: {tables / 'claims.md'}"]
    if LOG.is_file():
        lines.append(f"what the stages said: {LOG}")
    if changed := _changed_elsewhere():
        lines.append(f"git shows {changed} changed: another processor trains other weights")
    report = summary_folder(here, "report") / "index.html"
    sys.stdout.write("\n" + "\n".join([*lines, "", f"Report: {report}"]) + "\n")


def verdicts(claims: Sequence[Mapping[str, str]], kept: Mapping[str, str]) -> str:
    """A table of `claim`, `statement` and `verdict`, in 80 columns, and of `kept` verdicts where there are any."""
    rows = [["claim", "statement", "verdict"], *([one["claim"], one["statement"], one["verdict"]] for one in claims)]
    if kept:
        rows = [[*row, kept.get(row[0], "")] for row in rows]
        rows[0][-1] = "kept results say"
    widths = WITH_KEPT if kept else ALONE
    heading, *rest = (_row(row, widths) for row in rows)
    return "".join([heading, _row(["-" * width for width in widths], widths), *rest])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """A row of a table in as many lines as its longest cell takes."""
    columns = [wrap(cell, width, break_on_hyphens=False) for cell, width in zip(cells, widths, strict=True)]
    lines = (map(str.ljust, parts, widths) for parts in zip_longest(*columns, fillvalue=""))
    return "".join("  ".join(parts).rstrip() + "\n" for parts in lines)


def _kept() -> tuple[str, dict[str, str]]:
    """The preset, and by claim what its kept results say, where this run has one model per task."""
    from pipeline.reporting.claims.kept import kept_verdicts
    from pipeline.values.params import read_params

    params = read_params()
    return params.preset, kept_verdicts(params.preset, models=len(params.seeds))


def _changed_elsewhere() -> str:
    """What git shows as changed of a run's committed results, if nothing is changed that they are made of."""
    if _changed(CAUSES):
        return ""
    return " and ".join(name for name in REMADE if _changed([name]))


def _changed(paths: Sequence[str]) -> bool:
    """Whether git, where there is one, shows changes of these files and folders."""
    command = ["git", "status", "--porcelain", "--untracked-files=no", "--", *paths]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # no git
        return False
    return asked.returncode == 0 and bool(asked.stdout)


if __name__ == "__main__":
    main()
