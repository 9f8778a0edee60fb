"""Gather the experiments' metrics into the result tables.

Reads:  metrics/{finetune,effectiveness,prune,convergence}, outputs/attributions/*/completeness.csv
Writes: outputs/tables/{headline,finetune,effectiveness,pruning,convergence,completeness,claims}.{csv,md}
Run:    python -m pipeline.tables
"""

from pipeline.run.cli import run_stage
from pipeline.run.config import StageConfig
from pipeline.run.paths import summary_folder


def main(config: StageConfig) -> None:
    """One table per experiment, a row per task, seed and method."""
    from pipeline.reporting.error_tables import claim_rows, completeness_rows, convergence_rows
    from pipeline.reporting.table_text import to_csv, to_markdown
    from pipeline.reporting.tables import effectiveness_rows, finetune_rows, headline, pruning_rows
    from pipeline.run.results import has_results, read_curves, read_metrics
    from pipeline.run.store import replace

    finetune, effectiveness, prune = (read_metrics(config, name) for name in ("finetune", "effectiveness", "prune"))
    tables = {
        "headline": headline(finetune, effectiveness, prune),
        "finetune": finetune_rows(finetune),
        "effectiveness": effectiveness_rows(effectiveness),
        "pruning": pruning_rows(prune),
    }
    if has_results(config, "convergence"):
        convergence = read_metrics(config, "convergence")
        tables |= {"convergence": convergence_rows(convergence), "claims": claim_rows(convergence)}
    if has_results(config, "attributions"):
        gaps = read_curves(config, "attributions", name="completeness")
        tables["completeness"] = completeness_rows(gaps.to_dict("records"))
    folder = summary_folder(config.output_root, "tables")
    for name, rows in tables.items():
        replace(folder / f"{name}.csv", to_csv(rows).encode())
        replace(folder / f"{name}.md", to_markdown(rows).encode())


if __name__ == "__main__":
    run_stage("tables", main)
