"""Prune a model by the importance of heads in other models.

Do the same heads matter in other tasks?

Reads:  outputs/prune/*/importance.csv, outputs/data/<task>-<seed>, outputs/models/<task>-<seed>
Writes: outputs/universality/<task>-<seed>/outcomes.parquet
Run:    python -m pipeline.universality task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """Mask heads in the order of each task's ranking, of the same seed, and of the same task's with the next seed."""
    import torch

    from pipeline.experiments.universality import foreign_outcomes, next_seed
    from pipeline.launch.steps import resumable
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.predicting.load import load_finetuned
    from pipeline.tracking.jobs import track_job
    from pipeline.values.columns import SAME_TASK
    from pipeline.values.importance import read_importance
    from pipeline.values.store import write_columns

    task, seed, settings = config.task, config.seed, config.universality
    rankings = {other: (other, seed) for other in config.tasks}
    if (following := next_seed(config.seeds, seed)) is not None:
        rankings[SAME_TASK] = (task, following)
    which = {"method": settings.method, "normalise": settings.normalise}
    importance = {
        # In float32, as `prune` ranks.
        name: torch.from_numpy(read_importance(config.input_root, *of, **which)).float()
        for name, of in rankings.items()
    }
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    dev = read_examples(data_folder(config.input_root, task, seed) / "dev.parquet")
    examples = subset(dev, settings.n_eval)
    with resumable(config), track_job(config):
        budget = config.run.token_budget
        rows = foreign_outcomes(model, examples, importance, settings=config.prune, seed=seed, token_budget=budget)
        write_columns(experiment_folder(config.output_root, "universality", task, seed) / "outcomes.parquet", rows)


if __name__ == "__main__":
    run_stage("universality", main)
