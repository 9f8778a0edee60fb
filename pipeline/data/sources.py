"""Where raw examples come from: the planted grammar, a folder of Parquet files, or the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.data import planted
from pipeline.data.rows import Row, checked_rows, read_rows
from pipeline.data.tasks import TASKS
from pipeline.errors import InputError, refused
from pipeline.launch.network import require_answer

if TYPE_CHECKING:
    from pipeline.values.inputs import Data

FOLDER = Path("external/glue")


def load_rows(data: Data, task: str) -> dict[str, list[Row]]:
    """The task's `train` and `dev` rows, checked: every row has its texts and a label among the task's classes.

    Raises:
        InputError: naming the file, column or row that is missing or wrong.
    """
    match data.source:
        case "planted":
            return planted.generate(task, n_train=data.n_train or 0, n_dev=data.n_dev or 0)
        case "folder":
            return {split: read_rows(_file(task, name), task) for split, name in _splits(task)}
        case "hub":
            return _from_hub(str(data.name), data.revision, task)


def _splits(task: str) -> tuple[tuple[str, str], ...]:
    return ("train", "train"), ("dev", TASKS[task].dev_split)


def _file(task: str, name: str) -> Path:
    path = FOLDER / task / f"{name}.parquet"
    if not path.is_file():
        raise InputError(f"{path} is missing: ATTATTR_DATA must hold glue/{task}/{name}.parquet")
    return path


def _from_hub(name: str, revision: str | None, task: str) -> dict[str, list[Row]]:
    from datasets import load_dataset

    require_hub(name, repo_type="dataset")
    with refused(f"{task} of the dataset {name} cannot be loaded", remedy="use one laid out as nyu-mll/glue"):
        dataset = load_dataset(name, task, revision=revision)
        tables = {split: dataset[stored].with_format("arrow")[:] for split, stored in _splits(task)}
    return {split: checked_rows(table, task, where=f"{split} of {name}/{task}") for split, table in tables.items()}


def require_hub(name: str, *, repo_type: str) -> None:
    """Fail at once, in one line, if `name` is neither a local folder nor cached and the hub cannot be reached."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    if Path(name).is_dir():
        return
    try:
        folder = repo_folder_name(repo_id=name, repo_type=repo_type)
    except ValueError as error:
        raise InputError(f"{name} is neither a folder nor the name of a {repo_type} on the hub: {error}") from None
    if (Path(constants.HF_HUB_CACHE) / folder / "snapshots").is_dir():
        return
    remedy = f"the {repo_type} {name} is not cached; use preset mini or minilm, or fetch it where there is a network"
    if constants.HF_HUB_OFFLINE:
        raise InputError(f"HF_HUB_OFFLINE is set, and {remedy}")
    try:
        require_answer(constants.ENDPOINT)
    except (OSError, ValueError) as error:
        raise InputError(f"the hub at {constants.ENDPOINT} cannot be reached ({error}), and {remedy}") from None
