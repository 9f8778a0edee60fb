"""Put the results, and the claims they decide, into tables.

Reads:  outputs/analysis
Writes: outputs/tables/*.{csv,md}
Run:    python -m pipeline.tables
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import summary_folder


def main(config: StageConfig) -> None:
    """The tables of every experiment, a row per task, seed and method."""
    from importlib import import_module

    from pipeline.reporting.experiments import shown
    from pipeline.reporting.results import Results
    from pipeline.reporting.table_text import to_csv, to_markdown
    from pipeline.values.store import replace

    results = Results(config.input_root, config.tasks, config.seeds)
    folder = summary_folder(config.output_root, "tables")
    for experiment in filter(results.has, shown("tables")):
        tables = import_module(f"pipeline.reporting.{experiment}.tables")
        for name, rows in tables.tables(results).items():
            replace(folder / f"{name}.csv", to_csv(rows).encode())
            replace(folder / f"{name}.md", to_markdown(rows).encode())


if __name__ == "__main__":
    run_stage("tables", main)
