"""Fine-tuning a sequence classifier with Lightning, resumable to the bit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, get_linear_schedule_with_warmup

from attattr.examples import Batch, Example, collate
from attattr.randomness import derived_seed
from pipeline.predicting.predict import forward, predict_logits
from pipeline.terminal.trainer import Progress
from pipeline.tracking.tracker import LOGGED_EVERY
from pipeline.training.batches import epoch_batches
from pipeline.training.checkpoints import BEST, LAST, BestEpoch, LastEpoch, SealedCheckpoints, read_checkpoint

if TYPE_CHECKING:
    from pytorch_lightning.loggers import WandbLogger

    from pipeline.launch.unfinished import Unfinished
    from pipeline.values.schema import Training


log = logging.getLogger(__name__)


class Classifier(pl.LightningModule):
    """Cross-entropy training of a sequence classifier; batches come from (seed, epoch), dropout from (seed, step).

    Nothing depends on what ran before in the process, so that a run resumed at an epoch's end gives the same weights.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        train: Sequence[Example],
        dev: Sequence[Example],
        *,
        settings: Training[Any],
        epochs: int,
        seed: int,
        workers: int,
    ) -> None:
        super().__init__()
        self.model, self.train_examples, self.dev_examples = model, train, dev
        self.settings, self.epochs, self.seed, self.workers = settings, epochs, seed, workers
        # Loaded models are in evaluation mode, and Lightning trains a model in the mode it finds: without dropout.
        self.train()

    def train_dataloader(self) -> DataLoader[Batch]:
        """The batches of the current epoch."""
        lengths = [len(example) for example in self.train_examples]
        batches = epoch_batches(
            lengths, batch_size=self.settings.batch_size, seed=self.seed, epoch=self.trainer.current_epoch
        )
        pad_id = self.model.config.pad_token_id or 0
        return DataLoader(
            [[self.train_examples[index] for index in batch] for batch in batches],  # type: ignore[arg-type]
            batch_size=None,
            collate_fn=lambda examples: collate(examples, pad_id=pad_id),
            num_workers=self.workers,
        )

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Batches are our own type, which Lightning cannot move."""
        return batch.to(device)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Draw this step's dropout from the seed and the step alone."""
        # `torch.manual_seed` notes the whole call stack for GPUs that may come, which takes milliseconds.
        on_gpu = self.device.type == "cuda"
        generator = torch.cuda.default_generators[self.device.index or 0] if on_gpu else torch.default_generator
        generator.manual_seed(derived_seed(self.seed, "dropout", self.global_step))

    def training_step(self, batch: Batch) -> Tensor:
        """The mean cross-entropy of the batch."""
        loss = cross_entropy(forward(self.model, batch), batch.labels)
        self.log("train_loss", loss)
        return loss

    def on_train_epoch_end(self) -> None:
        """Accuracy over all dev examples."""
        logits = predict_logits(self.model, self.dev_examples)
        labels = torch.tensor([example.label for example in self.dev_examples])
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        self.log("dev_accuracy", accuracy.to(self.device), prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW without decay on biases and norms; linear warm-up and decay."""
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        plain = [p for p in self.model.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": self.settings.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=self.settings.lr,
            fused=True,
        )
        total = int(self.trainer.estimated_stepping_batches)
        schedule = get_linear_schedule_with_warmup(optimizer, round(self.settings.warmup * total), total)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def fine_tune(
    model: PreTrainedModel,
    train: Sequence[Example],
    dev: Sequence[Example],
    *,
    settings: Training[Any],
    epochs: int,
    seed: int,
    device: torch.device,
    workers: int,
    checkpoints: Unfinished,
    logger: WandbLogger | None = None,
) -> None:
    """Train `model` in place, on `device`; it is left there, in evaluation mode.

    `dev` is predicted at each epoch's end. A run that was cut off goes on from `checkpoints`, which are of this very
    training: `model` then may have any weights. Where one of them is damaged, it trains from the start. With one thread
    the same arguments give the same weights, to the bit.
    """
    classifier = Classifier(model, train, dev, settings=settings, epochs=epochs, seed=seed, workers=workers)
    fit(classifier, device=device, checkpoints=checkpoints, logger=logger)


def fit(classifier: Classifier, *, device: torch.device, checkpoints: Unfinished, logger: WandbLogger | None) -> None:
    """What `fine_tune` does, once its classifier is made.

    In one process: several would draw other dropout and train another model.
    """
    settings = classifier.settings
    # Before `LastEpoch`, whose checkpoint then knows the best one so far.
    best = [BestEpoch()] if settings.select == "best" else []
    resumed = checkpoints.has(LAST) and (not best or checkpoints.has(BEST))
    if resumed:
        done = read_checkpoint(checkpoints, LAST)["epoch"] + 1
        log.info("resuming: %d of %d epochs are done", done, classifier.epochs)
    run = pl.Trainer(
        accelerator=device.type,
        devices=1,
        # What this process is, whatever a cluster's variables in the shell say.
        plugins=[LightningEnvironment(), SealedCheckpoints(checkpoints)],
        precision=settings.precision,
        max_epochs=classifier.epochs,
        gradient_clip_val=settings.clip,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        callbacks=[Progress("train"), *best, LastEpoch()],
        enable_progress_bar=False,
        enable_checkpointing=True,
        logger=logger or False,
        log_every_n_steps=LOGGED_EVERY,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    run.fit(classifier, ckpt_path=checkpoints.path(LAST) if resumed else None, weights_only=True)
    if best:
        classifier.load_state_dict(read_checkpoint(checkpoints, BEST)["state_dict"])
    # Lightning leaves it on the CPU, in training mode.
    classifier.to(device).eval()
