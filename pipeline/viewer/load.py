"""The model that explains texts of one's own, with its tokenizer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import AutoConfig, AutoTokenizer

from pipeline.attattr.families import FAMILIES, check_family
from pipeline.data.sources import require_hub
from pipeline.data.vocabulary import check_tokenizer
from pipeline.errors import InputError, refused
from pipeline.predicting.load import load_classifier, require_stored
from pipeline.values.paths import repository

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load(name: str | None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, str]:
    """The model, its tokenizer, and what it is called: of a folder or a hub id, by default the newest of outputs/.

    Raises:
        InputError: for what is no sequence classifier with its tokenizer, or none that is supported.
    """
    location = name or _newest()
    if not Path(location).is_dir():
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", location) or location.startswith("."):
            raise InputError(f"--model is {location}, which is neither a folder nor a hub id")
        require_hub(location, repo_type="model")
    remedy = "give a sequence classifier, saved with save_pretrained"
    with refused(f"{location} has no readable config.json", remedy=remedy):
        family = AutoConfig.from_pretrained(location, trust_remote_code=False).model_type
    # Before the weights are fetched, of which an unsupported model may have many.
    if family not in FAMILIES:
        raise InputError(f"{location} is of the family {family!r}, which is not supported: use {', '.join(FAMILIES)}")
    loaded = load_classifier(location, remedy=remedy)
    check_family(loaded.model)
    require_stored(loaded, location, remedy=remedy)
    with refused(
        f"the tokenizer of {location} cannot be loaded", remedy="save it beside the model, with save_pretrained"
    ):
        tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    check_tokenizer(tokenizer, loaded.model.config, location=location)
    return loaded.model.eval(), tokenizer, location


def _newest() -> str:
    """The model of outputs/ whose weights were written last."""
    folder = repository() / "outputs" / "models"
    weights = sorted(folder.glob("*/model.safetensors"), key=lambda path: (path.stat().st_mtime, path))
    if not weights:
        raise InputError("outputs/models has no model yet: run make repro, or name one with --model")
    return str(
        weights[-1].parent.relative_to(Path.cwd()) if weights[-1].is_relative_to(Path.cwd()) else weights[-1].parent
    )
