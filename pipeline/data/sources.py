"""Where raw examples come from: the planted grammar, a folder of files, or the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.data import planted
from pipeline.data.network import require_answer
from pipeline.data.rows import LABEL, SUFFIXES, Row, checked_rows, read_rows
from pipeline.errors import InputError, refused
from pipeline.values.links import refuse_links

if TYPE_CHECKING:
    from pipeline.values.inputs import Data
    from pipeline.values.task_table import Task


def load_rows(data: Data, task: Task) -> dict[str, list[Row]]:
    """The task's `train` and `dev` rows, checked: every row has its texts and the id of one of the task's labels.

    Raises:
        InputError: naming the file, column or row that is missing or wrong, or a label without training rows.
    """
    match data.source:
        case "planted":
            return planted.generate(task.name, n_train=data.n_train or 0, n_dev=data.n_dev or 0)
        case "folder":
            refuse_linked_data(data, task)
            rows = {split: read_rows(_file(Path(data.dep) / task.name, name), task) for split, name in _splits(task)}
        case "hub":
            rows = _from_hub(str(data.name), data.revision, task)
    trained = {row[LABEL] for row in rows["train"]}
    if unseen := [name for number, name in enumerate(task.labels) if number not in trained]:
        raise InputError(
            f"{task.name} has no training row with label {', '.join(unseen)}: add rows of it, or take it out of labels"
        )
    return rows


def refuse_linked_data(data: Data, task: Task) -> None:
    """Refuse a folder of examples, or a file in it, whose changes DVC would not see.

    Raises:
        InputError: naming the link.
    """
    watched = Path(data.dep)
    files = [f"{name}{suffix}" for _, name in _splits(task) for suffix in SUFFIXES]
    refuse_links(watched / task.name, files, watched=watched)


def _splits(task: Task) -> tuple[tuple[str, str], ...]:
    return ("train", task.train), ("dev", task.dev)


def _file(folder: Path, split: str) -> Path:
    """The one file of a split, which says by its suffix what it is."""
    # `with_suffix` would take a part of a split's name for one.
    found = [path for suffix in SUFFIXES if (path := folder / f"{split}{suffix}").is_file()]
    if len(found) > 1:
        raise InputError(f"{folder} holds {' and '.join(path.name for path in found)}: leave one")
    if not found:
        raise InputError(
            f"{folder / split}.parquet is missing, and so are .csv and .tsv: ATTATTR_DATA must hold one of them in "
            f"{'/'.join(folder.parts[1:])}/"
        )
    return found[0]


def _from_hub(name: str, revision: str | None, task: Task) -> dict[str, list[Row]]:
    from datasets import load_dataset

    require_hub(name, repo_type="dataset")
    with refused(f"{task.name} of the dataset {name} cannot be loaded", remedy="use one laid out as nyu-mll/glue"):
        dataset = load_dataset(name, task.name, revision=revision)
        tables = {split: dataset[stored].with_format("arrow")[:] for split, stored in _splits(task)}
    return {split: checked_rows(table, task, where=f"{split} of {name}/{task.name}") for split, table in tables.items()}


def require_hub(name: str, *, repo_type: str, instead: str = "use preset mini or minilm") -> None:
    """Fail at once, in one line, if `name` is neither a local folder nor cached and the hub cannot be reached.

    `instead` is what can be done without a network.
    """
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
    remedy = f"the {repo_type} {name} is not cached; {instead}, or fetch it where there is a network"
    if constants.HF_HUB_OFFLINE:
        raise InputError(f"HF_HUB_OFFLINE is set, and {remedy}")
    try:
        require_answer(constants.ENDPOINT)
    except (OSError, ValueError) as error:
        raise InputError(f"the hub at {constants.ENDPOINT} cannot be reached ({error}), and {remedy}") from None
