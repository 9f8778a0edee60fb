"""Mask heads of the whole model (the paper's pruning figure).

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>, outputs/attributions/<task>-<seed>
Writes: outputs/prune/<task>-<seed>/{outcomes.parquet,importance.csv}
Run:    python -m pipeline.prune task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """Score the heads by every method, mask them lowest first, predict."""
    from pipeline.experiments.prune import head_importance, importance_rows, rankings
    from pipeline.experiments.prune_factors import factor_rankings
    from pipeline.launch.steps import resumable
    from pipeline.measuring.head_orders import pruned_predictions
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.predicting.load import load_finetuned
    from pipeline.tracking.jobs import track_job
    from pipeline.values.store import write_columns, write_csv

    task, seed, settings, budget = config.task, config.seed, config.prune, config.run.token_budget
    data = data_folder(config.input_root, task, seed)
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    sample = read_examples(data / "importance.parquet")
    dev = subset(read_examples(data / "dev.parquet"), settings.n_eval)
    with resumable(config), track_job(config):
        attributions = attributions_folder(config.input_root, task, seed)
        importance = head_importance(model, sample, attributions, settings=settings, token_budget=budget)
        orders = rankings(importance, settings=settings, seed=seed)
        if settings.factors:
            orders += factor_rankings(
                model,
                sample,
                attributions,
                plain=importance["attribution"],
                settings=settings,
                integral=config.attribute,
                seed=seed,
                token_budget=budget,
            )
        rows = pruned_predictions(model, dev, orders, settings=settings, seed=seed, token_budget=budget)
        folder = experiment_folder(config.output_root, "prune", task, seed)
        write_columns(folder / "outcomes.parquet", rows)
        write_csv(folder / "importance.csv", importance_rows(orders, task=task, seed=seed))


if __name__ == "__main__":
    run_stage("prune", main)
