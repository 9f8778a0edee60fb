"""Insert tokens with strong attribution into other examples and watch the accuracy (the paper's adversarial triggers).

Reads:  outputs/data/<task>, outputs/models/<task>-<seed>, outputs/attributions/<task>-<seed>
Writes: outputs/triggers/<task>-<seed>/{triggers.parquet,triggers.csv}, metrics/triggers/<task>-<seed>.json
Run:    python -m pipeline.triggers task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, metrics_file, model_folder


def main(config: StageConfig) -> None:
    """Mine triggers and make controls, select the best on held-out examples, report on dev."""
    from transformers import AutoTokenizer

    from pipeline.analysis.trigger_summary import summary
    from pipeline.analysis.triggers import TABLE, complete_rows, table_rows
    from pipeline.data.tasks import TASKS
    from pipeline.experiments.triggers.controls import control_triggers, training_vocabulary
    from pipeline.experiments.triggers.measure import evaluate, selection_samples, trigger_rows
    from pipeline.experiments.triggers.mining import mine
    from pipeline.launch.tracking import track
    from pipeline.predicting.examples import read_examples, sampled
    from pipeline.predicting.load import device_for, load_finetuned
    from pipeline.scoring.store import read_heads
    from pipeline.values.store import replace, write_csv, write_json, write_rows

    task, seed, settings, classes = config.task, config.seed, config.triggers, TASKS[config.task].labels
    run = {"max_length": config.prepare.max_length, "token_budget": config.run.token_budget}
    data = data_folder(config.input_root, task)
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    tokenizer = AutoTokenizer.from_pretrained(data / "tokenizer")
    train = read_examples(data / "train.parquet")
    select, for_gradient = selection_samples(read_examples(data / "heldout.parquet"), settings=settings)
    dev = sampled(read_examples(data / "dev.parquet"), settings.n_eval, settings.seed)
    attributed = read_heads(attributions_folder(config.input_root, task, seed), split="mine", target="predicted")
    with track(config) as tracker:
        by_id = {example.example_id: example for example in train}
        mined, counts = mine(attributed, by_id, settings=settings)
        vocabulary = training_vocabulary(train, special=tokenizer.all_special_ids)
        triggers = mined + control_triggers(
            model, mined, attributed, by_id, for_gradient, vocabulary, settings=settings, **run
        )
        evaluation = evaluate(model, triggers, select, dev, best=settings.best, **run)
        rows = complete_rows(
            trigger_rows(triggers, tokenizer, classes=classes),
            evaluation,
            classes=classes,
            collapse_share=settings.collapse_share,
        )
        metrics = summary(rows, evaluation, counts=counts, classes=classes, settings=settings)
        metrics |= {"task": task, "seed": seed}
        tracker.summary(metrics)
        folder = experiment_folder(config.output_root, "triggers", task, seed)
        write_rows(folder / "triggers.parquet", rows)
        table = table_rows(rows, task=task, seed=seed, n=len(dev))
        if table:
            write_csv(folder / "triggers.csv", table)
        else:
            replace(folder / "triggers.csv", f"{','.join(TABLE)}\n".encode())
        write_json(metrics_file(config.output_root, "triggers", task, seed), metrics)


if __name__ == "__main__":
    run_stage("triggers", main)
