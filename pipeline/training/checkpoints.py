"""What a fine-tuning saves of itself, so that one that was cut off goes on to the same end."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint

from pipeline.errors import InputError


class LastEpoch(Checkpoint):
    """Saves every epoch's end to one file, whole or not at all.

    Lightning's `ModelCheckpoint(save_last=True)` writes only when it saves a top-k checkpoint too, and copies the file
    from the system's temporary folder, which a kill can cut off.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it."""
        _save(trainer, self.path)


class BestEpoch(Checkpoint):
    """Saves the end of the most accurate epoch so far, of equal ones the first, like `LastEpoch`.

    Lightning's `ModelCheckpoint` forgets how good that was where a run goes on below another path.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.accuracy = path, -1.0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it if it is better."""
        accuracy = float(trainer.callback_metrics["dev_accuracy"])
        if accuracy > self.accuracy:
            self.accuracy = accuracy
            _save(trainer, self.path)

    def state_dict(self) -> dict[str, float]:
        """Kept in every checkpoint."""
        return {"accuracy": self.accuracy}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """What a run that goes on has to beat."""
        self.accuracy = state_dict["accuracy"]


def _save(trainer: pl.Trainer, path: Path) -> None:
    partial = path.with_suffix(".partial")
    trainer.save_checkpoint(partial)
    partial.replace(path)


def read_checkpoint(path: Path, module: pl.LightningModule) -> dict[str, Any]:
    """A checkpoint of `module`; nothing but tensors and plain values is unpickled.

    Raises:
        InputError: if it cannot be read, or is of another module.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        shapes = {name: tensor.shape for name, tensor in content["state_dict"].items()}
        whole = content.keys() >= {"epoch", "global_step", "loops", "lr_schedulers", "optimizer_states"}
    # Whatever a file that is cut off, or that is no checkpoint, makes of the reader.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read; delete it to train from the start: {reason}") from None
    if not whole or shapes != {name: tensor.shape for name, tensor in module.state_dict().items()}:
        raise InputError(f"{path} is no checkpoint of this training; delete it to train from the start")
    return content
