"""Measure how the error of attribution falls with the number of steps, for every rule (docs/method.md, "Convergence").

Reads:  outputs/data/<task>, outputs/models/<task>-<seed>
Writes: outputs/convergence/<task>-<seed>/{errors.parquet,curves.csv}, metrics/convergence/<task>-<seed>.json
Run:    python -m pipeline.convergence task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, experiment_folder, metrics_file, model_folder


def main(config: StageConfig) -> None:
    """Attribute the same examples by every rule and number of steps, and compare with a much finer integral."""
    from pipeline.analysis.convergence import curve_rows, summary
    from pipeline.experiments.convergence import error_rows
    from pipeline.launch.tracking import track
    from pipeline.predicting.examples import read_examples, sampled
    from pipeline.predicting.load import device_for, load_finetuned
    from pipeline.values.store import write_csv, write_json, write_rows

    task, seed, settings = config.task, config.seed, config.convergence
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    dev = read_examples(data_folder(config.input_root, task) / "dev.parquet")
    examples = sampled(dev, settings.n_examples, settings.seed)
    with track(config) as tracker:
        rows = error_rows(model, examples, settings=settings, token_budget=config.run.token_budget)
        curves = curve_rows(rows, task=task, seed=seed)
        metrics = summary(rows, settings=settings) | {"task": task, "seed": seed}
        tracker.summary(metrics)
        folder = experiment_folder(config.output_root, "convergence", task, seed)
        write_rows(folder / "errors.parquet", rows)
        write_csv(folder / "curves.csv", curves)
        write_json(metrics_file(config.output_root, "convergence", task, seed), metrics)


if __name__ == "__main__":
    run_stage("convergence", main)
