"""Print the table of claims, and where the report is.

The last lines of `make repro`.

Run: python -m pipeline.commands.conclusion
"""

import sys
from pathlib import Path

from pipeline.launch.command import run_command
from pipeline.terminal.arguments import command_parser
from pipeline.values.paths import summary_folder
from pipeline.values.present import present


def main(arguments: list[str] | None = None) -> None:
    """Read the table that the tables stage wrote."""
    run_command(command_parser("conclusion", __doc__), lambda _: conclude(), arguments)


def conclude() -> None:
    """Print it, and the report's absolute path.

    Raises:
        InputError: if there is no table yet.
    """
    here = Path.cwd()
    table = present(summary_folder(here, "tables") / "claims.md", "tables")
    report = summary_folder(here, "report") / "index.html"
    sys.stdout.write(f"\n{table.read_text(encoding='utf-8')}\nReport: {report}\n")


if __name__ == "__main__":
    main()
