"""Where a checkpoint is and what its config says; loads no weights, and torch only to read a config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.data.sources import require_hub
from pipeline.errors import InputError, refused
from pipeline.values.links import refuse_links
from pipeline.values.per_task import filled_name

# What a checkpoint asks its model to return goes no further: with attention weights it could not be saved again.
WANTED = {"return_dict": True, "output_attentions": False, "output_hidden_states": False, "attn_implementation": "sdpa"}
# Nor does code of its own run, which would otherwise be asked for on a terminal.
WANTED |= {"trust_remote_code": False}

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from pipeline.values.inputs import Model

FOLDER = Path("external/models")
REMEDY = "use a checkpoint of transformers' own code, saved with save_pretrained"


def model_location(model: Model, task: str, seed: int) -> str:
    """The folder or hub id of the weights and their tokenizer.

    Raises:
        InputError: if it is no folder, or one whose changes DVC would not see.
    """
    name = str(model.name)
    if model.source == "hub":
        return name
    folder = FOLDER / filled_name(name, task, seed)
    watched = Path(model.dep)
    refuse_links(folder, (), watched=watched)
    if not os.path.isdir(folder):  # noqa: PTH112 - `Path.is_dir` raises where a name is too long
        raise InputError(f"model.name is {name}, but {folder} is not a folder ({{task}} and {{seed}} are filled in)")
    refuse_links(folder, (path.name for path in sorted(folder.iterdir()) if path.is_file()), watched=watched)
    return str(folder)


def read_config(location: str, model: Model) -> PretrainedConfig:
    """The model's config, with the kinds of output that the pipeline reads and no others.

    Raises:
        InputError: in one line, where it cannot be read, or is of a model that is no plain encoder in full precision.
    """
    from transformers import AutoConfig

    if model.source == "hub":
        require_hub(location, repo_type="model")
    with refused(f"{location} has no readable config.json", remedy=REMEDY):
        config = AutoConfig.from_pretrained(location, revision=model.revision or "main", **WANTED)
    for key, value, kind in (
        ("quantization_config", None, "a quantised model"),
        ("is_decoder", False, "a decoder, which reads to the left only"),
        ("is_encoder_decoder", False, "an encoder with a decoder"),
    ):
        if getattr(config, key, value) not in (None, value):
            raise InputError(f"{location} is {kind} ({key} in its config.json): use an encoder in full precision")
    own_code = [name for name in getattr(config, "auto_map", None) or () if name.startswith("AutoModel")]
    if own_code:
        raise InputError(f"{location} brings code of its own (auto_map in its config.json), which is not run: {REMEDY}")
    return config


def max_positions(model: Model, task: str, seed: int) -> int | None:
    """The longest input the model takes, in tokens; None for one that takes any, such as a model made from scratch."""
    if model.source == "scratch":
        return None
    config = read_config(model_location(model, task, seed), model)
    # RoBERTa numbers positions from the padding id on, so that its table is longer than its inputs.
    offset = (config.pad_token_id or 0) + 1 if config.model_type in ("roberta", "camembert", "xlm-roberta") else 0
    longest = getattr(config, "max_position_embeddings", None)
    return longest - offset if longest and longest > offset else None
