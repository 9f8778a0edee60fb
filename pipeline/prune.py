"""Mask the least important heads of the whole model and watch the accuracy (the paper's pruning figure).

Reads:  outputs/data/<task>, outputs/models/<task>-<seed>, outputs/attributions/<task>-<seed>
Writes: outputs/prune/<task>-<seed>/{curves,importance}.csv, metrics/prune/<task>-<seed>.json
Run:    python -m pipeline.prune task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, metrics_file, model_folder


def main(config: StageConfig) -> None:
    """Score the heads by every method, mask them lowest first, measure."""
    from pipeline.analysis.prune import curve_rows, summary
    from pipeline.experiments.prune import correctness, head_importance, importance_rows, rankings
    from pipeline.launch.tracking import track
    from pipeline.predicting.examples import read_examples, sampled
    from pipeline.predicting.load import device_for, load_finetuned
    from pipeline.values.store import write_csv, write_json

    task, seed, settings, budget = config.task, config.seed, config.prune, config.run.token_budget
    data, weights = data_folder(config.input_root, task), model_folder(config.input_root, task, seed)
    model = load_finetuned(weights, device_for(config.run.trainer))
    sample, dev = (
        read_examples(data / "importance.parquet"),
        sampled(read_examples(data / "dev.parquet"), settings.n_eval, settings.seed),
    )
    with track(config) as tracker:
        attributions = attributions_folder(config.input_root, task, seed)
        importance = head_importance(model, sample, attributions, settings=settings, token_budget=budget)
        orders = rankings(importance, settings=settings)
        counts, correct = correctness(model, dev, orders, rates=settings.rates, token_budget=budget)
        rows = curve_rows(orders, correct, counts=counts, rates=settings.rates, task=task, seed=seed)
        metrics = summary(orders, correct, labels=[example.label for example in dev], settings=settings) | {
            "task": task,
            "seed": seed,
            "n_importance": len(sample),
            "n_heads_total": orders[0].importance.numel(),
        }
        tracker.curves("curves", rows)
        tracker.summary(metrics)
        folder = experiment_folder(config.output_root, "prune", task, seed)
        write_csv(folder / "curves.csv", rows)
        write_csv(folder / "importance.csv", importance_rows(orders, task=task, seed=seed))
        write_json(metrics_file(config.output_root, "prune", task, seed), metrics)


if __name__ == "__main__":
    run_stage("prune", main)
