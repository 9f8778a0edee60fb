"""Make all statistics, intervals and verdicts.

Of what the measuring stages wrote, over all tasks and seeds.

Reads:  outputs/{data,predictions,attributions,effectiveness,prune,universality,tree,triggers,convergence,truth,
        planted_paths,shortcut}
Writes: outputs/analysis/<experiment>/{records.json,*.csv}, outputs/analysis/claims/records.json, metrics/<task>.json
Run:    python -m pipeline.analyse
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import analysis_folder, metrics_file


def main(config: StageConfig) -> None:
    """Analyse each experiment, decide the claims, and pick the numbers that DVC compares."""
    from pipeline.analysis.claims import judge, weak_tasks
    from pipeline.analysis.experiments import ANALYSES
    from pipeline.analysis.metrics import task_metrics
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.analysis.rules import read_rules, refuse_unknown
    from pipeline.tracking.figure_data import FIGURE_DATA, figure_files
    from pipeline.tracking.shown_runs import show_models
    from pipeline.tracking.tracked_files import claim_rows
    from pipeline.tracking.tracking import track
    from pipeline.values.store import write_csv, write_json

    rules = read_rules()
    refuse_unknown(rules, tasks=config.table)
    outcomes = Outcomes(config.input_root, config.tasks, config.seeds)
    with track(config) as tracker:
        findings = {name: analyse(outcomes, config) for name, analyse in ANALYSES.items()}
        for name, found in findings.items():
            folder = analysis_folder(config.output_root, name)
            statistics = [one.record() for one in found.statistics]
            write_json(folder / "records.json", {"records": found.records, "statistics": statistics})
            for table, rows in found.tables.items():
                write_csv(folder / f"{table}.csv", rows)
        records = {name: found.records for name, found in findings.items()}
        statistics = {name: found.statistics for name, found in findings.items()}
        weak = weak_tasks(records["finetune"])
        seeds = {task: [model.seed for model in outcomes.of_task(task)] for task in config.tasks}
        judged = judge(rules, statistics, weak=weak, seeds=seeds)
        write_json(analysis_folder(config.output_root, "claims") / "records.json", {"records": judged})
        tracker.table("claims", claim_rows(judged))
        tracker.summary({"verdicts": {claim["id"]: claim["verdict"] for claim in judged}})
        for task in config.tasks:
            metrics = task_metrics(records, statistics, task)
            tracker.summary({task: metrics})
            write_json(metrics_file(config.output_root, task), metrics)
        if tracker.run is not None:
            tracker.files(FIGURE_DATA, figure_files(config))
    show_models(tracker, config)


if __name__ == "__main__":
    run_stage("analyse", main)
