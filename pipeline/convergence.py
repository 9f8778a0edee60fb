"""Measure the error of every rule and number of steps.

See docs/method.md, "Convergence".

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>
Writes: outputs/convergence/<task>-<seed>/{outcomes,judged}.parquet
Run:    python -m pipeline.convergence task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """Attribute few examples by every rule and number of steps, many by 20, and compare with a much finer integral."""
    from pipeline.experiments.convergence import error_rows, judged_rows
    from pipeline.launch.steps import resumable
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.predicting.load import load_finetuned
    from pipeline.tracking.jobs import track_job
    from pipeline.values.store import write_rows

    task, seed, settings = config.task, config.seed, config.convergence
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    dev = read_examples(data_folder(config.input_root, task, seed) / "dev.parquet")
    folder = experiment_folder(config.output_root, "convergence", task, seed)
    parts = {"outcomes": (error_rows, settings.n_examples), "judged": (judged_rows, settings.n_judged)}
    with resumable(config), track_job(config):
        for name, (measure, n) in parts.items():
            rows = measure(model, subset(dev, n), settings=settings, token_budget=config.run.token_budget)
            write_rows(folder / f"{name}.parquet", rows)


if __name__ == "__main__":
    run_stage("convergence", main)
