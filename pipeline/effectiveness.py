"""Mask the least or most important heads of every layer and watch the accuracy (the paper's effectiveness figure).

Reads:  outputs/data/<task>, outputs/models/<task>-<seed>, outputs/attributions/<task>-<seed>
Writes: outputs/effectiveness/<task>-<seed>/curves.csv, metrics/effectiveness/<task>-<seed>.json
Run:    python -m pipeline.effectiveness task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, metrics_file, model_folder


def main(config: StageConfig) -> None:
    """Rank heads per example and layer, mask k of them, measure."""
    from pipeline.analysis.effectiveness import curve_rows, summary
    from pipeline.experiments.effectiveness import correctness, rankings
    from pipeline.launch.tracking import track
    from pipeline.predicting.examples import read_examples
    from pipeline.predicting.load import device_for, load_finetuned
    from pipeline.values.store import write_csv, write_json

    task, seed, settings = config.task, config.seed, config.effectiveness
    weights = model_folder(config.input_root, task, seed)
    model = load_finetuned(weights, device_for(config.run.trainer))
    examples = read_examples(data_folder(config.input_root, task) / "dev.parquet")
    importance = rankings(
        attributions_folder(config.input_root, task, seed),
        model,
        methods=settings.methods,
        pooling=settings.attention_pooling,
    )
    with track(config) as tracker:
        correct = correctness(model, examples, importance, token_budget=config.run.token_budget)
        rows = curve_rows(correct, task=task, seed=seed)
        metrics = summary(correct, draws=settings.bootstrap_draws, seed=settings.seed) | {"task": task, "seed": seed}
        tracker.curves("curves", rows)
        tracker.summary(metrics)
        write_csv(experiment_folder(config.output_root, "effectiveness", task, seed) / "curves.csv", rows)
        write_json(metrics_file(config.output_root, "effectiveness", task, seed), metrics)


if __name__ == "__main__":
    run_stage("effectiveness", main)
