"""Insert tokens into other examples (the paper's triggers).

Those between which attribution is strong.

Reads:  outputs/data/<task>-<seed>, outputs/models/<task>-<seed>, outputs/attributions/<task>-<seed>
Writes: outputs/triggers/<task>-<seed>/{triggers.parquet,outcomes.parquet,mined.json}
Run:    python -m pipeline.triggers task=<task> seed=<seed>
"""

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, model_folder


def main(config: StageConfig) -> None:
    """Mine triggers, make controls, and run all of them on held-out and on dev examples."""
    from transformers import AutoTokenizer

    from pipeline.experiments.triggers.controls import control_triggers, training_vocabulary
    from pipeline.experiments.triggers.measure import evaluate, selection_samples, trigger_rows
    from pipeline.experiments.triggers.mining import mine
    from pipeline.launch.steps import resumable
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.predicting.load import load_finetuned
    from pipeline.scoring.store import read_heads
    from pipeline.tracking.jobs import track_job
    from pipeline.values.store import write_columns, write_json, write_rows

    task, seed, settings = config.task, config.seed, config.triggers
    run = {"max_length": config.prepare.max_length, "token_budget": config.run.token_budget}
    data = data_folder(config.input_root, task, seed)
    model = load_finetuned(model_folder(config.input_root, task, seed), device_for(config.run.trainer))
    tokenizer = AutoTokenizer.from_pretrained(data / "tokenizer")
    train = read_examples(data / "train.parquet")
    select, for_hotflip = selection_samples(read_examples(data / "heldout.parquet"), settings=settings)
    dev = subset(read_examples(data / "dev.parquet"), settings.n_eval)
    attributed = read_heads(attributions_folder(config.input_root, task, seed), split="mine", target="predicted")
    with resumable(config), track_job(config):
        by_id = {example.example_id: example for example in train}
        mined, counts = mine(attributed, by_id, settings=settings)
        vocabulary = training_vocabulary(train, special=tokenizer.all_special_ids)
        triggers = mined + control_triggers(
            model, mined, attributed, by_id, for_hotflip, vocabulary, settings=settings, seed=seed, **run
        )
        outcomes = evaluate(model, triggers, {"select": select, "dev": dev}, **run)
        folder = experiment_folder(config.output_root, "triggers", task, seed)
        write_json(folder / "mined.json", counts)
        write_rows(folder / "triggers.parquet", trigger_rows(triggers, tokenizer, classes=config.labels))
        write_columns(folder / "outcomes.parquet", outcomes)


if __name__ == "__main__":
    run_stage("triggers", main)
