"""Fine-tune one task's classifier and measure it on the evaluation split.

Reads:  outputs/data/<task>; the initial weights (from scratch, folder or hub)
Writes: outputs/models/<task>-<seed>, outputs/predictions/<task>-<seed>.parquet, metrics/finetune/<task>-<seed>.json
Run:    python -m pipeline.finetune task=<task> seed=<seed>
"""

import logging
import shutil

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, metrics_file, model_folder, predictions_file

log = logging.getLogger(__name__)


def main(config: StageConfig) -> None:
    """Check the weights, train (or resume), predict once per dev example, write."""
    from transformers import AutoTokenizer

    from pipeline.data.weights import check_weights, load_model, model_name
    from pipeline.launch.tracking import track
    from pipeline.launch.work import work_folder
    from pipeline.predicting.examples import read_examples
    from pipeline.predicting.load import device_for
    from pipeline.predicting.predict import predict_logits
    from pipeline.training.measure import accuracy_metrics, prediction_rows
    from pipeline.training.save import check_saving, save
    from pipeline.values.store import write_json, write_rows

    task, seed, settings = config.task, config.seed, config.finetune
    device = device_for(config.run.trainer)
    root = config.output_root
    weights, predictions = model_folder(root, task, seed), predictions_file(root, task, seed)
    metrics_path = metrics_file(root, "finetune", task, seed)
    epochs = settings.epochs_for.get(task, settings.epochs)
    check_weights(config.model, task, seed=seed, trained=epochs == 0)
    data = data_folder(config.input_root, task)
    train, dev = read_examples(data / "train.parquet"), read_examples(data / "dev.parquet")
    tokenizer = AutoTokenizer.from_pretrained(data / "tokenizer")
    max_length = max(len(example) for example in (*train, *dev))
    model = load_model(config.model, task, seed=seed, vocabulary=len(tokenizer), max_length=config.prepare.max_length)
    log.info("%s: %d training examples of at most %d tokens", config.label, len(train), max_length)
    with track(config) as tracker:
        checkpoints = work_folder(config, inputs=[data])
        if epochs:
            from pipeline.training.classifier import Classifier, fit
            from pipeline.training.logger import training_logger

            check_saving(model, tokenizer, weights, files=(predictions, metrics_path))
            classifier = Classifier(
                model, train, dev, settings=settings, epochs=epochs, seed=seed, workers=config.run.workers
            )
            fit(classifier, device=device, checkpoints=checkpoints, logger=training_logger(tracker))
        logits = predict_logits(model, dev, token_budget=config.run.token_budget)
        metrics = accuracy_metrics(logits, dev, task) | {
            "task": task,
            "seed": seed,
            "model": model_name(config.model, task, seed),
            "n_train": len(train),
        }
        tracker.summary(metrics)
        save(model.cpu(), tokenizer, weights)
        write_rows(predictions, prediction_rows(logits, dev))
        write_json(metrics_path, metrics)
    # Until here a run that fails goes on from its last epoch.
    shutil.rmtree(checkpoints, ignore_errors=True)


if __name__ == "__main__":
    run_stage("finetune", main)
