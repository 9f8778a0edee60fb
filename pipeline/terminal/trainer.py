"""What Lightning says of a run: a bar like the others', and none of its notes."""

import logging
import warnings
from typing import Any

import pytorch_lightning as pl

from pipeline.terminal.progress import Bar, bar

# Said in every process of every run. Its warnings still show, save those of what is meant: its own use of torch, a job
# as a batch, few points in the curve of a short epoch, a folder of checkpoints to resume from.
for library in ("pytorch_lightning", "lightning_fabric"):
    logging.getLogger(library).setLevel(logging.WARNING)
warnings.filterwarnings("ignore", category=FutureWarning, module=r"pytorch_lightning\.utilities\._pytree")
for note in ("Couldn't infer the batch indices", "The number of training batches", "Checkpoint directory"):
    warnings.filterwarnings("ignore", message=note)


class Progress(pl.Callback):
    """A bar over the batches of a whole training, with what it logs as for a bar, or of a prediction."""

    def __init__(self, description: str) -> None:
        self.description = description
        self._bar: Bar | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin where an earlier run has ended."""
        total = int(trainer.estimated_stepping_batches)
        self._bar = bar(total=total, done=trainer.global_step, description=self.description, unit="batches")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show what the last epoch came to."""
        found = trainer.progress_bar_metrics
        if self._bar is not None and found:
            self._bar.set_postfix_str(", ".join(f"{name} {value:.3f}" for name, value in found.items()), refresh=False)

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin with this process's batches."""
        total = sum(int(count) for count in trainer.num_predict_batches)
        self._bar = bar(total=total, description=self.description, unit="batches")

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """One more."""
        if self._bar is not None:
            self._bar.update()

    def on_predict_batch_end(self, *_: Any, **__: Any) -> None:
        """One more."""
        if self._bar is not None:
            self._bar.update()

    def teardown(self, *_: Any, **__: Any) -> None:
        """Wipe the bar out, also after an exception."""
        if self._bar is not None:
            self._bar.close()
