"""Which models there are: of a run under DVC every task with every seed, of a kept run those that were added to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.values.store import read_json


class Model(NamedTuple):
    """A fine-tuned model."""

    task: str
    seed: int


def replicates_folder(root: Path) -> Path:
    """Where a kept run has a file for everything that was added to it; a run under DVC has no such folder."""
    return root / "outputs" / "replicates"


def is_kept(root: Path) -> bool:
    """Whether the run below `root` is a kept one."""
    return replicates_folder(root).is_dir()


def has(root: Path, item: str, stage: str) -> bool:
    """Whether the run has a stage's outcomes of `<task>-<seed>`, or of `<seed>`: under DVC it has all."""
    if not is_kept(root):
        return True
    file = replicates_folder(root) / f"{item}.json"
    return file.is_file() and stage in read_json(file)["stages"]


def models_of(root: Path, tasks: Sequence[str], seeds: Sequence[int], *, stage: str = "finetune") -> list[Model]:
    """The models of the run below `root` that have outcomes of the stage, in the order of the tasks and seeds.

    In a kept run a task may have other seeds than another one.
    """
    return [Model(task, seed) for task in tasks for seed in seeds if has(root, f"{task}-{seed}", stage)]
