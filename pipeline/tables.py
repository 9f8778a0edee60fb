"""Gather the experiments' metrics into the result tables.

Reads:  metrics/, outputs/attributions/*/completeness.csv
Writes: outputs/tables/*.{csv,md}
Run:    python -m pipeline.tables
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import summary_folder


def main(config: StageConfig) -> None:
    """One table per experiment, a row per task, seed and method; and the claims that they decide."""
    from pipeline.analysis.claims import claims
    from pipeline.reporting.claims.tables import claim_rows
    from pipeline.reporting.convergence.tables import completeness_rows, convergence_rows
    from pipeline.reporting.receptive_field.tables import receptive_field_rows
    from pipeline.reporting.results import read_curves, read_results
    from pipeline.reporting.table_text import to_csv, to_markdown
    from pipeline.reporting.tables import effectiveness_rows, finetune_rows, headline, pruning_rows
    from pipeline.reporting.tree.tables import optimum_rows, tree_rows
    from pipeline.reporting.triggers.tables import attack_rows, best_rows, control_rows, strongest_rows
    from pipeline.reporting.universality.tables import correlation_rows, functional_rows
    from pipeline.values.store import replace

    found = read_results(config)
    gaps = read_curves(config, "attributions", name="completeness").to_dict("records")
    judged = claims(found, config.claims.model_dump(), margin=config.prune.equivalence_margin)
    tables = {
        "headline": headline(found.finetune, found.effectiveness, found.prune),
        "finetune": finetune_rows(found.finetune),
        "effectiveness": effectiveness_rows(found.effectiveness),
        "pruning": pruning_rows(found.prune),
        "convergence": convergence_rows(found.convergence),
        "completeness": completeness_rows(gaps),
        "trees": tree_rows(found.tree),
        "tree_shapes": optimum_rows(found.tree),
        "receptive_field": receptive_field_rows(found.receptive_field),
        "universality": correlation_rows(found.universality["pairs"]),
        "foreign_pruning": functional_rows(found.universality["functional"]),
        "triggers": strongest_rows(found.triggers),
        "best_triggers": best_rows(found.triggers),
        "attacks": attack_rows(found.triggers),
        "trigger_controls": control_rows(found.triggers),
        "claims": claim_rows(judged),
    }
    folder = summary_folder(config.output_root, "tables")
    for name, rows in tables.items():
        replace(folder / f"{name}.csv", to_csv(rows).encode())
        replace(folder / f"{name}.md", to_markdown(rows).encode())


if __name__ == "__main__":
    run_stage("tables", main)
