"""What a fine-tuning saves of itself, so that one that was cut off goes on to the same end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint

if TYPE_CHECKING:
    from pipeline.launch.unfinished import Unfinished

LAST, BEST = "last.ckpt", "best.ckpt"


class SealedCheckpoints(TorchCheckpointIO):
    """Saves a checkpoint as a file of unfinished work.

    Lightning's own passes a copy through the system's temporary folder, where a kill leaves it.
    """

    def __init__(self, work: Unfinished) -> None:
        super().__init__()
        self.work = work

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write it, whole or not at all."""
        self.work.write(Path(path).name, lambda file: torch.save(checkpoint, file))


class LastEpoch(Checkpoint):
    """Saves every epoch's end to one file.

    Lightning's `ModelCheckpoint(save_last=True)` writes only when it saves a top-k checkpoint too.
    """

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it."""
        trainer.save_checkpoint(LAST)


class BestEpoch(Checkpoint):
    """Saves the end of the most accurate epoch so far, of equal ones the first, like `LastEpoch`.

    Lightning's `ModelCheckpoint` forgets how good that was where a run goes on below another path.
    """

    def __init__(self) -> None:
        super().__init__()
        self.accuracy = -1.0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it if it is better."""
        accuracy = float(trainer.callback_metrics["dev_accuracy"])
        if accuracy > self.accuracy:
            self.accuracy = accuracy
            trainer.save_checkpoint(BEST)

    def state_dict(self) -> dict[str, float]:
        """Kept in every checkpoint."""
        return {"accuracy": self.accuracy}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """What a run that goes on has to beat."""
        self.accuracy = state_dict["accuracy"]


def read_checkpoint(work: Unfinished, name: str) -> dict[str, Any]:
    """What was saved by that name. Nothing but tensors and plain values is unpickled."""
    return torch.load(work.path(name), map_location="cpu", weights_only=True, mmap=True)
