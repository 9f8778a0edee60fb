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
    """Read what `tables` and `analyse` wrote."""
    run_command(command_parser("conclusion", __doc__), lambda _: conclude(), arguments)


def conclude() -> None:
    """Print it, and the report's absolute path.

    Raises:
        InputError: if there is no table yet.
    """
    here = Path.cwd()
    table = present(summary_folder(here, "tables") / "claims.md", "tables").read_text(encoding="utf-8")
    report = summary_folder(here, "report") / "index.html"
    sys.stdout.write(f"\n{_beside_kept() or table}\nReport: {report}\n")


def _beside_kept() -> str | None:
    """The same table with the verdicts of the preset's kept results, of a run with one model per task."""
    from pipeline.reporting.claims.kept import kept_verdicts
    from pipeline.reporting.claims.tables import claim_rows
    from pipeline.reporting.results import Results
    from pipeline.reporting.table_text import to_markdown
    from pipeline.values.params import read_params

    params = read_params()
    kept = kept_verdicts(params.preset, models=len(params.seeds))
    claims = Results(Path(), params.tasks, params.seeds).records("claims") if kept else []
    return to_markdown(claim_rows(claims, kept)) if kept else None


if __name__ == "__main__":
    main()
