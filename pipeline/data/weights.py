"""Initial weights: from scratch, a folder or the hub, checked against the task."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, BertConfig, PretrainedConfig, PreTrainedModel

from attattr.families import FAMILIES
from attattr.randomness import derived_seed
from pipeline.data.checkpoint import model_location, read_config
from pipeline.data.labels import class_order, mapping, stored_names
from pipeline.errors import InputError
from pipeline.predicting.load import Loaded, listed, load_classifier, require_stored
from pipeline.values.per_task import filled_name

if TYPE_CHECKING:
    from pipeline.values.inputs import Model

OTHER_CHECKPOINT = "save it whole, with save_pretrained, or use another checkpoint"
NEW_CLASSIFIER = "save its encoder alone (model.base_model.save_pretrained) to train a new classifier"

INITIAL = "initial weights"

log = logging.getLogger(__name__)


def model_name(model: Model, task: str, seed: int) -> str:
    """What a result is labelled with: the initial weights' name, placeholders filled in."""
    if model.source == "scratch":
        return f"BERT from scratch, {model.layers} layers, {model.heads} heads"
    return filled_name(model.name or "", task, seed)


def load_model(
    model: Model, task: str, labels: Sequence[str], *, seed: int, epochs: int, vocabulary: int, max_length: int
) -> PreTrainedModel:
    """The model to fine-tune for `epochs`, in float32; a new classifier, or a whole new model, is drawn from `seed`.

    The outputs of a stored classifier are put in the order of `labels`, the task's classes; `checkpoint_labels` of the
    config then says which they were. With 0 epochs the checkpoint must hold a classifier.

    Raises:
        InputError: in one line, for a checkpoint that cannot be read, is not whole, or does not fit the task.
    """
    names = {"id2label": dict(enumerate(labels)), "label2id": {name: number for number, name in enumerate(labels)}}
    if model.source == "scratch":
        torch.manual_seed(derived_seed(seed, INITIAL))
        return _from_scratch(model, names, vocabulary=vocabulary, max_length=max_length)
    location = model_location(model, task, seed)
    config = read_config(location, model)
    if config.model_type not in FAMILIES:
        raise InputError(f"{location} is of family {config.model_type}: use one of {', '.join(FAMILIES)}")
    stored, _ = PretrainedConfig.get_config_dict(location, revision=model.revision or "main")
    vars(config).pop("checkpoint_labels", None)  # of an earlier fine-tuning
    for key, value in names.items():
        setattr(config, key, value)
    if config.problem_type:  # an encoder's config keeps that of the classifier it was saved without
        config.problem_type = "single_label_classification"
    torch.manual_seed(derived_seed(seed, INITIAL))
    loaded = load_classifier(location, remedy=OTHER_CHECKPOINT, config=config, revision=model.revision or "main")
    if _output(loaded.model)[0] in loaded.missing:
        _check_encoder(loaded, location, epochs=epochs)
    else:
        _check_classifier(loaded, stored, location, task=task, classes=len(labels))
        _put_in_order(loaded.model, stored, location, task=task, labels=labels)
    return loaded.model


def _from_scratch(model: Model, labels: dict[str, Any], *, vocabulary: int, max_length: int) -> PreTrainedModel:
    sizes: dict[str, Any] = {
        "hidden_size": model.hidden,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "intermediate_size": model.intermediate,
        "initializer_range": model.initializer_range,
        "hidden_dropout_prob": model.dropout,
        "attention_probs_dropout_prob": model.dropout,
    }
    config = BertConfig(vocab_size=vocabulary, **sizes, max_position_embeddings=max_length, **labels)
    return AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)


def _output(model: PreTrainedModel) -> tuple[str, nn.Linear]:
    """The layer that gives the logits, with its weight's name."""
    classifier: Any = model.get_submodule("classifier")
    if isinstance(classifier, nn.Linear):
        return "classifier.weight", classifier
    return "classifier.out_proj.weight", classifier.out_proj


def _check_encoder(loaded: Loaded, location: str, *, epochs: int) -> None:
    """Refuse an encoder without classifier that is not trained, or not whole. Pooling is a part of the classifier."""
    model = loaded.model
    if epochs == 0:
        raise InputError(f"{location} has no classifier, and finetune.epochs is 0: fine-tune it")
    encoder = f"{model.base_model_prefix}."
    drawn = [name for name in loaded.missing if not name.startswith(encoder) or ".pooler." in name]
    require_stored(loaded, location, remedy=OTHER_CHECKPOINT, drawn=drawn)
    log.info("%s has no classifier: drawn from the seed are %s", location, listed(drawn))
    if hasattr(model.config, "classifier_pooling"):
        model.config.classifier_pooling = "cls"  # ModernBERT's: attribution reads the first token


def _check_classifier(loaded: Loaded, stored: dict[str, Any], location: str, *, task: str, classes: int) -> None:
    """Refuse a classifier that is not whole, is of another kind or size, or pools other tokens than the first."""
    name, _ = _output(loaded.model)
    stored_classes = loaded.reshaped[name][0] if name in loaded.reshaped else classes
    if stored_classes != classes:
        kind = "regression of one number" if stored_classes == 1 else f"classifier of {stored_classes} labels"
        raise InputError(f"{location} is a {kind}, but {task} has {classes}: {NEW_CLASSIFIER}")
    kinds = stored.get("architectures") or []
    if kinds and not any(str(kind).endswith("ForSequenceClassification") for kind in kinds):
        raise InputError(f"{location} is a {kinds[0]}, whose classifier is not of whole texts: {NEW_CLASSIFIER}")
    if stored.get("problem_type") not in (None, "single_label_classification"):
        raise InputError(
            f"{location} has problem_type {stored['problem_type']}, whose outputs are no classes: {NEW_CLASSIFIER}"
        )
    if stored.get("classifier_pooling", "cls") != "cls":
        raise InputError(
            f"{location} has classifier_pooling {stored['classifier_pooling']}, but attribution reads the first token: "
            f"{NEW_CLASSIFIER}"
        )
    require_stored(loaded, location, remedy=OTHER_CHECKPOINT)


def _put_in_order(
    model: PreTrainedModel, stored: dict[str, Any], location: str, *, task: str, labels: Sequence[str]
) -> None:
    """Give the classifier's outputs the order of the task's classes, by their names in the checkpoint's config."""
    names = stored_names(stored, location=location)
    order = class_order(names, labels, task=task, location=location)
    if order is None:
        log.warning(
            "%s does not name its labels (id2label of its config.json): its outputs are taken to be %s, in this order",
            location,
            ", ".join(labels),
        )
        return
    outputs, index = _output(model)[1], list(order)
    with torch.no_grad():
        for part in (outputs.weight, outputs.bias):
            part.copy_(part[index].clone())
    model.config.checkpoint_labels = mapping(names, order, labels)
    taken = ", ".join(f"{label} is output {output}" for label, output in model.config.checkpoint_labels.items())
    log.info("%s: %s", location, taken)
