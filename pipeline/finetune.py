"""Fine-tune one task's classifier, and predict the dev split.

Reads:  outputs/data/<task>-<seed>; the initial weights (from scratch, folder or hub)
Writes: outputs/models/<task>-<seed>, outputs/predictions/<task>-<seed>.parquet
Run:    python -m pipeline.finetune task=<task> seed=<seed>
"""

import logging
import shutil

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig
from pipeline.values.paths import data_folder, model_folder, predictions_file

log = logging.getLogger(__name__)


def main(config: StageConfig) -> None:
    """Check the weights, train (or resume), predict once per dev example, write."""
    from transformers import AutoTokenizer

    from pipeline.data.tokenise import require_same_tokenizer
    from pipeline.data.weights import load_model
    from pipeline.launch.work import work_folder
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
    tokenizer = AutoTokenizer.from_pretrained(data / "tokenizer")
    require_same_tokenizer(tokenizer, config.model, task, seed, used=data)
    sizes = {"vocabulary": len(tokenizer), "max_length": config.prepare.max_length}
    model = load_model(config.model, task, config.labels, seed=seed, epochs=epochs, **sizes)
    train, dev = read_examples(data / "train.parquet"), read_examples(data / "dev.parquet")
    max_length = max(len(example) for example in (*train, *dev))
    log.info("%s: %d training examples of at most %d tokens", config.label, len(train), max_length)
    with track(config) as tracker:
        checkpoints = work_folder(config, inputs=[data])
        if epochs:
            from pipeline.training.classifier import Classifier, fit
            from pipeline.training.logger import training_logger

            check_saving(model, tokenizer, weights, files=(predictions,))
            classifier = Classifier(
                model, train, dev, settings=settings, epochs=epochs, seed=seed, workers=config.run.workers
            )
            fit(classifier, device=device, checkpoints=checkpoints, logger=training_logger(tracker))
        logits = predict_logits(model, dev, token_budget=config.run.token_budget)
        save(model.cpu(), tokenizer, weights)
        write_rows(predictions, prediction_rows(logits, dev))
    # Until here a run that fails goes on from its last epoch.
    shutil.rmtree(checkpoints, ignore_errors=True)


if __name__ == "__main__":
    run_stage("finetune", main)
