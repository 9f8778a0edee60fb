"""A fine-tuned classifier, loaded on the device that the values name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

if TYPE_CHECKING:
    from pipeline.values.schema import Trainer


def device_for(trainer: Trainer) -> torch.device:
    """Where a model runs under this trainer."""
    return torch.device("cuda" if trainer.accelerator != "cpu" and torch.cuda.is_available() else "cpu")


def load_finetuned(folder: Path, device: torch.device) -> PreTrainedModel:
    """The classifier that `finetune` wrote, in float32."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    model.to(device)
    return model
