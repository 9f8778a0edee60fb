"""The model that explains texts of one's own, with its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from transformers import AutoConfig, AutoTokenizer

from attattr.families import FAMILIES, check_family
from pipeline.data.vocabulary import check_tokenizer
from pipeline.errors import InputError, refused
from pipeline.exporting.left import is_pruned
from pipeline.predicting.load import load_classifier, require_stored
from pipeline.predicting.plain import check_plain

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load(location: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model of a folder or a hub id, and its tokenizer.

    A pruned export is opened without running its code, with heads that do nothing in place of those taken out.

    Raises:
        InputError: for what is no sequence classifier with its tokenizer, or none that is supported.
    """
    remedy = "give a sequence classifier, saved with save_pretrained"
    with refused(f"{location} has no readable config.json", remedy=remedy):
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    # Before the weights are fetched, of which an unsupported model may have many.
    if config.model_type not in FAMILIES:
        raise InputError(
            f"{location} is of the family {config.model_type!r}, which is not supported: use {', '.join(FAMILIES)}"
        )
    if is_pruned(config, Path(location)):
        from pipeline.exporting.unpruned import unpruned

        model = unpruned(config, Path(location))
    else:
        check_plain(config, location)
        loaded = load_classifier(location, remedy=remedy)
        check_family(loaded.model)
        require_stored(loaded, location, remedy=remedy)
        model = loaded.model
    with refused(
        f"the tokenizer of {location} cannot be loaded", remedy="save it beside the model, with save_pretrained"
    ):
        tokenizer = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    check_tokenizer(tokenizer, model.config, location=location)
    return model.eval(), tokenizer
