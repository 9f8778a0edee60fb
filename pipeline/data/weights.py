"""Initial weights: where they are, and whether they fit the task, checked before anything is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForSequenceClassification, BertConfig, PretrainedConfig, PreTrainedModel

from pipeline.attattr.families import FAMILIES
from pipeline.data.checkpoint import model_location, read_config
from pipeline.data.tasks import TASKS
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.values.inputs import Model

WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
HEAD_WEIGHTS = ("classifier.weight", "classifier.out_proj.weight")


def model_name(model: Model, task: str, seed: int) -> str:
    """What a result is labelled with: the initial weights' name, placeholders filled in."""
    if model.source == "scratch":
        return f"BERT from scratch, {model.layers} layers, {model.heads} heads"
    return str(model.name).replace("{task}", task).replace("{seed}", str(seed))


def check_weights(model: Model, task: str, *, seed: int, trained: bool) -> None:
    """Refuse weights that are missing, of an unsupported family, or made for another number of labels.

    `trained` says that they are used as they are, so that they must hold a classifier.
    """
    if model.source == "scratch":
        return
    location = model_location(model, task, seed)
    config = read_config(location, model)
    if config.model_type not in FAMILIES:
        raise InputError(f"{location} is of family {config.model_type}: use one of {', '.join(FAMILIES)}")
    if not Path(location).is_dir():
        return
    if not any((Path(location) / name).is_file() for name in WEIGHT_FILES):
        raise InputError(f"{location} holds no weights: it needs {WEIGHT_FILES[0]}")
    classes, found = len(TASKS[task].labels), _head_size(Path(location), config)
    if found is None and trained:
        raise InputError(f"{location} has no classifier, and finetune.epochs is 0: fine-tune it")
    if found is not None and found != classes:
        raise InputError(f"{location} is a classifier of {found} labels, but {task} has {classes}")


def _head_size(folder: Path, config: PretrainedConfig) -> int | None:
    """Classes of the stored classifier, None if there is none."""
    path = folder / "model.safetensors"
    if not path.is_file():
        classifier = any("ForSequenceClassification" in name for name in config.architectures or [])
        return config.num_labels if classifier else None
    try:
        with safe_open(path, framework="pt") as file:
            for name in HEAD_WEIGHTS:
                if name in file.keys():  # noqa: SIM118 - the file is no mapping
                    return file.get_slice(name).get_shape()[0]
    except SafetensorError as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    return None


def load_model(model: Model, task: str, *, seed: int, vocabulary: int, max_length: int) -> PreTrainedModel:
    """The model to fine-tune, in float32; a new classifier, or a whole new model, is drawn from `seed`."""
    torch.manual_seed(seed)
    names = dict(enumerate(TASKS[task].labels))
    labels = {"id2label": names, "label2id": {name: number for number, name in names.items()}}
    if model.source == "scratch":
        sizes: dict[str, Any] = {
            "hidden_size": model.hidden,
            "num_hidden_layers": model.layers,
            "num_attention_heads": model.heads,
            "intermediate_size": model.intermediate,
            "initializer_range": model.initializer_range,
            "hidden_dropout_prob": model.dropout,
            "attention_probs_dropout_prob": model.dropout,
        }
        config = BertConfig(
            vocab_size=vocabulary,
            **sizes,
            max_position_embeddings=max_length,
            **labels,
        )
        return AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    location, revision = model_location(model, task, seed), model.revision or "main"
    # A half-precision checkpoint would otherwise load as half.
    return AutoModelForSequenceClassification.from_pretrained(
        location, revision=revision, dtype=torch.float32, **labels
    )
