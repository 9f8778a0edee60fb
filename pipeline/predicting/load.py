"""A fine-tuned classifier, loaded on the device that the values name."""

from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from pipeline.values.schema import Trainer


def device_for(trainer: Trainer) -> torch.device:
    """Where a model runs under this trainer."""
    return torch.device("cuda" if trainer.accelerator != "cpu" and torch.cuda.is_available() else "cpu")


def load_finetuned(folder: Path, device: torch.device) -> PreTrainedModel:
    """The classifier that `finetune` wrote, in float32."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    model.to(device)
    return model
