"""Fine-tune one task's classifier, and predict the dev split.

Reads:  outputs/data/<task>-<seed>; the initial weights (from scratch, folder or hub)
Writes: outputs/models/<task>-<seed>, outputs/predictions/<task>-<seed>.parquet
Run:    python -m pipeline.finetune task=<task> seed=<seed>
"""

import logging

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, model_folder, predictions_file

log = logging.getLogger(__name__)


def main(config: StageConfig) -> None:
    """Check the weights, train (or resume), predict once per dev example, write."""
    from pipeline.data.tokenise import tokenizer_of
    from pipeline.data.weights import load_model
    from pipeline.launch.work import unfinished
    from pipeline.predicting.device import device_for
    from pipeline.predicting.examples import read_examples
    from pipeline.predicting.predict import predict_logits, prediction_rows
    from pipeline.tracking.tracking import track
    from pipeline.training.save import check_saving, save
    from pipeline.values.per_task import for_task
    from pipeline.values.store import write_rows

    task, seed, settings = config.task, config.seed, config.finetune
    device = device_for(config.run.trainer)
    weights = model_folder(config.output_root, task, seed)
    predictions = predictions_file(config.output_root, task, seed)
    epochs = for_task(settings.epochs, task) or 0
    data = data_folder(config.input_root, task, seed)
    tokenizer = tokenizer_of(data, config.model, task, seed)
    sizes = {"vocabulary": len(tokenizer), "max_length": config.prepare.max_length}
    model = load_model(config.model, task, config.labels, seed=seed, epochs=epochs, **sizes)
    train, dev = read_examples(data / "train.parquet"), read_examples(data / "dev.parquet")
    max_length = max(len(example) for example in (*train, *dev))
    log.info("%s: %d training examples of at most %d tokens", config.label, len(train), max_length)
    with unfinished(config) as checkpoints, track(config) as tracker:
        if epochs:
            from pipeline.training.classifier import fine_tune
            from pipeline.training.logger import training_logger

            check_saving(model, tokenizer, weights, files=(predictions,))
            where = {"device": device, "workers": config.run.workers, "checkpoints": checkpoints}
            how = {"settings": settings, "epochs": epochs, "seed": seed}
            fine_tune(model, train, dev, **how, **where, logger=training_logger(tracker))
        logits = predict_logits(model, dev, token_budget=config.run.token_budget)
        save(model.cpu(), tokenizer, weights)
        write_rows(predictions, prediction_rows(logits, dev))


if __name__ == "__main__":
    run_stage("finetune", main)
