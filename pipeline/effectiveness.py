"""Mask heads of every layer (the paper's effectiveness figure).

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>, outputs/attributions/<task>-<seed>
Writes: outputs/effectiveness/<task>-<seed>/outcomes.parquet
Run:    python -m pipeline.effectiveness task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """Rank heads per example and layer, mask k of them, predict."""
    from pipeline.experiments.effectiveness import head_importance, outcomes, rankings
    from pipeline.launch.steps import resumable
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.predicting.load import load_finetuned
    from pipeline.tracking.jobs import track_job
    from pipeline.values.store import write_columns

    task, seed, settings, budget = config.task, config.seed, config.effectiveness, config.run.token_budget
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    dev = subset(read_examples(data_folder(config.input_root, task, seed) / "dev.parquet"), settings.n_eval)
    with resumable(config), track_job(config):
        attributions = attributions_folder(config.input_root, task, seed)
        importance = head_importance(model, dev, attributions, settings=settings, token_budget=budget)
        rows = outcomes(model, dev, rankings(importance, dev, seed=seed), token_budget=budget)
        write_columns(experiment_folder(config.output_root, "effectiveness", task, seed) / "outcomes.parquet", rows)


if __name__ == "__main__":
    run_stage("effectiveness", main)
