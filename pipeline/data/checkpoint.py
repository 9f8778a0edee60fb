"""Where a checkpoint is and what its config says; loads no weights, and torch only to read a config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.data.sources import require_hub
from pipeline.errors import InputError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from pipeline.values.inputs import Model

FOLDER = Path("external/models")


def model_location(model: Model, task: str, seed: int | None = None) -> str:
    """The folder or hub id of the weights; without a seed, the first folder that fits the name's `{seed}`."""
    name = str(model.name)
    if model.source == "hub":
        return name
    pattern = name.replace("{task}", task).replace("{seed}", "*" if seed is None else str(seed))
    found = sorted(FOLDER.glob(pattern)) if "*" in pattern else [FOLDER / pattern]
    if not found or not found[0].is_dir():
        raise InputError(f"model.name is {name}, but {FOLDER / pattern} is not a folder")
    return str(found[0])


def read_config(location: str, model: Model) -> PretrainedConfig:
    """The model's config, or InputError in one line."""
    from transformers import AutoConfig

    if model.source == "hub":
        require_hub(location, repo_type="model")
    try:
        return AutoConfig.from_pretrained(location, revision=model.revision or "main")
    except (OSError, ValueError) as error:
        raise InputError(f"{location} has no readable config.json: {str(error).splitlines()[0]}") from None


def max_positions(model: Model, task: str) -> int | None:
    """The longest input the model takes, in tokens; None for a model made from scratch, which takes any."""
    if model.source == "scratch":
        return None
    config = read_config(model_location(model, task), model)
    # RoBERTa numbers positions from the padding id on, so that its table is longer than its inputs.
    offset = config.pad_token_id + 1 if config.model_type in ("roberta", "camembert", "xlm-roberta") else 0
    return config.max_position_embeddings - offset
