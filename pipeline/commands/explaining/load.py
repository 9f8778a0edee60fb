"""The model that explains texts of one's own, with its tokenizer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from transformers import AutoConfig, AutoTokenizer

from attattr.families import FAMILIES, check_family
from pipeline.data.sources import require_hub
from pipeline.data.vocabulary import check_tokenizer
from pipeline.errors import InputError, refused
from pipeline.exporting.left import is_pruned
from pipeline.predicting.load import load_classifier, require_stored
from pipeline.predicting.plain import check_plain, refuse_adapters
from pipeline.values.paths import PRESETS, repository

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load(name: str | None, *, texts: int | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, str]:
    """The model, its tokenizer, and what it is called: of a folder or a hub id, by default the newest of outputs/.

    A pruned export is opened without running its code, with heads that do nothing in place of those taken out.
    `texts` is how many an example of it will have: the newest is of a task with so many, if there is one.

    Raises:
        InputError: for what is no sequence classifier with its tokenizer, or none that is supported.
    """
    location = name or _newest(texts)
    if not Path(location).is_dir():
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", location) or location.startswith("."):
            raise InputError(f"--model is {location}, which is neither a folder nor a hub id")
        require_hub(location, repo_type="model", instead="give a folder")
    refuse_adapters(location)
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
    return model.eval(), tokenizer, location


def _newest(texts: int | None) -> str:
    """The model of outputs/ whose weights were written last, of a task with so many texts where there is one."""
    folders = trained(repository())
    if not folders:
        raise InputError("outputs/models has no model yet: run make repro, or name one with --model")
    # As it stands: checking it would import as much again as this does.
    tasks = yaml.safe_load((PRESETS / "tasks.yaml").read_text(encoding="utf-8"))
    fitting = [folder for folder in folders if len(tasks.get(_task(folder), {}).get("texts", ())) == texts]
    newest = (fitting or folders)[-1]
    return str(newest.relative_to(Path.cwd()) if newest.is_relative_to(Path.cwd()) else newest)


def trained(root: Path) -> list[Path]:
    """The folders of the models in outputs/, in the order in which their weights were written."""
    weights = (root / "outputs" / "models").glob("*/model.safetensors")
    return [path.parent for path in sorted(weights, key=lambda path: (path.stat().st_mtime, path))]


def _task(folder: Path) -> str:
    """The task of a model of outputs/, whose folder is named after it and its seed."""
    return folder.name.rpartition("-")[0]
