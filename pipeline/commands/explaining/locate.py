"""Where the model that explains texts of one's own is. Nothing that takes seconds is imported to find out."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from pipeline.data.sources import require_hub
from pipeline.errors import InputError
from pipeline.predicting.plain import refuse_adapters
from pipeline.values.paths import PRESETS, repository


def locate(name: str | None, *, texts: int) -> str:
    """A folder or a hub id; by default the newest model of outputs/.

    `texts` is how many an example of it will have: the newest is of a task with so many, if there is one.

    Raises:
        InputError: if it is neither, cannot be had, or holds an adapter.
    """
    location = name or _newest(texts)
    if not Path(location).is_dir():
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", location) or location.startswith("."):
            raise InputError(f"--model is {location}, which is neither a folder nor a hub id")
        require_hub(location, repo_type="model", instead="give a folder")
    refuse_adapters(location)
    return location


def _newest(texts: int) -> str:
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
