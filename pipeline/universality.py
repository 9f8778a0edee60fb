"""Do the same heads matter in other tasks? Correlate their importance, and prune each model by the others' rankings.

Reads:  outputs/prune/*/importance.csv, outputs/data, outputs/models
Writes: outputs/universality/{importance,functional}.csv, metrics/universality.json
Run:    python -m pipeline.universality
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, model_folder, summary_folder


def main(config: StageConfig) -> None:
    """Every two models correlated, every model pruned by each task's ranking of the same seed."""
    from pipeline.analysis.foreign_pruning import curve_rows, functional_metrics
    from pipeline.analysis.universality import correlated_pairs, importance_by_model, normalised_rows, summary
    from pipeline.experiments.universality import foreign_correctness
    from pipeline.launch.tracking import track
    from pipeline.predicting.examples import read_examples, sampled
    from pipeline.predicting.load import device_for, load_finetuned
    from pipeline.reporting.results import read_curves
    from pipeline.values.store import write_csv, write_json

    settings, budget = config.universality, config.run.token_budget
    table = read_curves(config, "prune", name="importance")
    importance = importance_by_model(table, method=settings.method, normalise=settings.normalise)
    pairs = correlated_pairs(importance, draws=settings.bootstrap_draws, seed=settings.seed)
    curves, functional = [], []
    with track(config) as tracker:
        for model in importance:
            examples = read_examples(data_folder(config.input_root, model.task) / "dev.parquet")
            dev = sampled(examples, settings.n_eval, settings.seed)
            weights = model_folder(config.input_root, model.task, model.seed)
            classifier = load_finetuned(weights, device_for(config.run.trainer))
            rankings = {other.task: values for other, values in importance.items() if other.seed == model.seed}
            counts, correct = foreign_correctness(classifier, dev, rankings, settings=settings, token_budget=budget)
            names, labels = list(rankings), [example.label for example in dev]
            curves += curve_rows(correct, model=model, rankings=names, counts=counts, rates=settings.rates)
            functional += functional_metrics(correct, model=model, rankings=names, labels=labels, settings=settings)
        metrics = summary(pairs) | {
            "method": settings.method,
            "normalise": settings.normalise,
            "n_heads_total": next(iter(importance.values())).size,
            "functional": functional,
        }
        tracker.curves("curves", curves)
        tracker.summary(metrics)
        folder = summary_folder(config.output_root, "universality")
        write_csv(folder / "importance.csv", normalised_rows(importance))
        write_csv(folder / "functional.csv", curves)
        write_json(config.output_root / "metrics" / "universality.json", metrics)


if __name__ == "__main__":
    run_stage("universality", main)
