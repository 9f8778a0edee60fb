"""Where a checkpoint is and what its config says; loads no weights, and torch only to read a config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.data.sources import require_hub
from pipeline.errors import InputError, refused
from pipeline.predicting.plain import OWN_CODE, check_plain, refuse_adapters
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


def model_location(model: Model, task: str, seed: int) -> str:
    """The folder or hub id of the weights and their tokenizer.

    Raises:
        InputError: if it is no folder, or one whose changes DVC would not see.
    """
    if model.source == "hub":
        return str(model.name)
    folder = FOLDER / filled_name(model.name or "", task, seed)
    watched = Path(model.dep)
    refuse_links(folder, (), watched=watched)
    if not os.path.isdir(folder):  # noqa: PTH112 - `Path.is_dir` raises where a name is too long
        raise InputError(
            f"model.name is {model.name}, but {folder} is not a folder ({{task}} and {{seed}} are filled in)"
        )
    refuse_links(folder, (path.name for path in sorted(folder.iterdir()) if path.is_file()), watched=watched)
    return str(folder)


def read_config(location: str, model: Model) -> PretrainedConfig:
    """The model's config, with the kinds of output that the pipeline reads and no others.

    Raises:
        InputError: in one line, where it cannot be read, or is of a model that is no plain encoder in full precision,
            and where an adapter lies beside the weights.
    """
    from transformers import AutoConfig

    if model.source == "hub":
        require_hub(location, repo_type="model")
    refuse_adapters(location, revision=model.revision or "main")
    with refused(f"{location} has no readable config.json", remedy=OWN_CODE):
        config = AutoConfig.from_pretrained(location, revision=model.revision or "main", **WANTED)
    check_plain(config, location)
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
