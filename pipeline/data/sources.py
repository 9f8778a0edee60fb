"""Where raw examples come from: the planted grammar, a folder of Parquet files, or the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.data import planted
from pipeline.data.tasks import TASKS
from pipeline.errors import InputError
from pipeline.launch.network import require_answer

if TYPE_CHECKING:
    from pipeline.values.inputs import Data

FOLDER = Path("external/glue")

Row = dict[str, object]


def load_rows(data: Data, task: str) -> dict[str, list[Row]]:
    """The task's `train` and `dev` rows, checked: every row has its texts and a label among the task's classes.

    Raises:
        InputError: naming the file, column or row that is missing or wrong.
    """
    match data.source:
        case "planted":
            rows = planted.generate(task, n_train=data.n_train or 0, n_dev=data.n_dev or 0, seed=data.seed or 0)
        case "folder":
            rows = _from_folder(task)
        case "hub":
            assert data.name
            rows = _from_hub(data.name, data.revision, task)
    for split, split_rows in rows.items():
        check_rows(split_rows, task, where=f"{task} {split}")
    return rows


def _from_folder(task: str) -> dict[str, list[Row]]:
    import pyarrow.parquet
    from pyarrow.lib import ArrowInvalid

    rows = {}
    for split, name in (("train", "train"), ("dev", TASKS[task].dev_split)):
        path = FOLDER / task / f"{name}.parquet"
        if not path.is_file():
            raise InputError(f"{path} is missing: ATTATTR_DATA must hold glue/{task}/{name}.parquet")
        try:
            rows[split] = pyarrow.parquet.read_table(path).to_pylist()
        except ArrowInvalid as error:
            raise InputError(f"{path} is not a Parquet file: {str(error).splitlines()[0]}") from None
    return rows


def _from_hub(name: str, revision: str | None, task: str) -> dict[str, list[Row]]:
    from datasets import load_dataset

    require_hub(name, repo_type="dataset")
    dataset = load_dataset(name, task, revision=revision)
    return {"train": dataset["train"].to_list(), "dev": dataset[TASKS[task].dev_split].to_list()}


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


def check_rows(rows: list[Row], task: str, *, where: str) -> None:
    """Raise InputError unless every row has the task's texts, not empty, and a label among its classes."""
    if not rows:
        raise InputError(f"{where} holds no examples")
    columns, labels = TASKS[task].columns, TASKS[task].labels
    for column in (*columns, "label"):
        if column not in rows[0]:
            raise InputError(f"{where} has no column {column}: it has {', '.join(sorted(rows[0]))}")
    for number, row in enumerate(rows):
        label = row["label"]
        if not isinstance(label, int) or not 0 <= label < len(labels):
            raise InputError(f"{where} row {number} has label {label}: it must be 0 to {len(labels) - 1}")
        for column in columns:
            text = row[column]
            if not isinstance(text, str) or not text.strip():
                raise InputError(f"{where} row {number} has no text in column {column}")
