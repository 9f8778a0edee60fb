"""Print where the report is and the table of claims: the last lines of `make repro`.

Run: python -m pipeline.commands.conclusion
"""

import os
import sys

from pipeline.launch.errors import exit_on_bad_input
from pipeline.values.paths import repository, summary_folder


def main() -> None:
    """Read the table that the tables stage wrote."""
    with exit_on_bad_input():
        os.chdir(repository())
        here = repository()
        table = summary_folder(here, "tables") / "claims.md"
        report = summary_folder(here, "report") / "index.html"
        sys.stdout.write(f"\n{table.read_text(encoding='utf-8')}\nReport: {report}\n")


if __name__ == "__main__":
    main()
