"""Print the table of claims, and where the report is.

The last lines of `make repro`.

Run: python -m pipeline.commands.conclusion
"""

import os
import sys

from pipeline.terminal.arguments import command_parser
from pipeline.terminal.errors import exit_on_bad_input
from pipeline.values.paths import repository, summary_folder
from pipeline.values.present import present


def main(arguments: list[str] | None = None) -> None:
    """Read the table that the tables stage wrote."""
    command_parser("conclusion", __doc__).parse_args(arguments)
    with exit_on_bad_input():
        os.chdir(repository())
        here = repository()
        table = present(summary_folder(here, "tables") / "claims.md", "tables")
        report = summary_folder(here, "report") / "index.html"
        sys.stdout.write(f"\n{table.read_text(encoding='utf-8')}\nReport: {report}\n")


if __name__ == "__main__":
    main()
