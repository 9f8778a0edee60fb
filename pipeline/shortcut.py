"""Plant a shortcut, find it by scores, and prune it away.

A word in the training rows gives a class away, and decoys beside it do not; see docs/method.md, "Shortcut".

Reads:  outputs/data/<task>-<seed>; the initial weights (from scratch, folder or hub)
Writes: outputs/shortcut/<task>-<seed>/{found,outcomes}.parquet, word.json
Run:    python -m pipeline.shortcut task=<task> seed=<seed>
"""

from pipeline.errors import InputError
from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, experiment_folder


def main(config: StageConfig) -> None:
    """Fine-tune on rows of which one class has the word; rank tokens; mask the heads that read it."""
    from pipeline.data.tokenise import tokenizer_of
    from pipeline.data.weights import load_model
    from pipeline.experiments.shortcut import find, plant, remove
    from pipeline.launch.work import unfinished
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples, subset
    from pipeline.tracking.jobs import track_job
    from pipeline.training.classifier import fine_tune
    from pipeline.training.logger import training_logger
    from pipeline.values.per_task import for_task
    from pipeline.values.store import write_columns, write_json, write_rows

    task, seed, settings = config.task, config.seed, config.shortcut
    device = device_for(config.run.trainer)
    data, longest = data_folder(config.input_root, task, seed), config.prepare.max_length
    tokenizer = tokenizer_of(data, config.model, task, seed)
    train, dev, heldout = (read_examples(data / f"{split}.parquet") for split in ("train", "dev", "heldout"))
    words = plant.meaningless_words(tokenizer, [*train, *dev, *heldout], decoys=settings.decoys, seed=seed)
    known = {"seed": seed, "max_length": longest}
    rows = plant.training_rows(subset(train, settings.n_train), words, share=settings.share, **known)
    dev, heldout = (plant.with_decoys(examples, words, **known) for examples in (subset(dev, settings.n_eval), heldout))
    tested, chosen = (plant.turned(examples, words, **known)[: settings.n_examples] for examples in (dev, heldout))
    if not dev or not chosen:
        raise InputError(
            f"shortcut: every dev example of {task} has no room for the planted words (prepare.max_length is "
            f"{longest}), or every held-out one is of the class that it gives away, or has no room"
        )
    # A checkpoint that is otherwise taken as it is has to learn the word.
    epochs = for_task(config.finetune.epochs, task) or 1
    sizes = {"vocabulary": len(tokenizer), "max_length": longest}
    model = load_model(config.model, task, config.labels, seed=seed, epochs=epochs, **sizes)
    with unfinished(config) as checkpoints, track_job(config) as tracker:
        where = {"device": device, "workers": config.run.workers, "checkpoints": checkpoints}
        how = {"settings": config.finetune, "epochs": epochs, "seed": seed}
        fine_tune(model, rows, dev, **how, **where, logger=training_logger(tracker))
        folder = experiment_folder(config.output_root, "shortcut", task, seed)
        write_json(folder / "word.json", plant.named(words, tokenizer) | {"rows": len(rows)})
        found = find.outcomes(model, tested, seed=seed)  # none where all dev examples are of the word's class
        write_rows(folder / "found.parquet", found)
        heads = find.reading_heads(model, chosen)
        kinds = plant.kinds_of_rows(dev, words, **known)
        predicted = remove.outcomes(
            model, kinds, heads, settings=settings, seed=seed, token_budget=config.run.token_budget
        )
        write_columns(folder / "outcomes.parquet", predicted)


if __name__ == "__main__":
    run_stage("shortcut", main)
