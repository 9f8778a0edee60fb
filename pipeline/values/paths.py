"""Where files are: the repository, the stages' outputs, and the link to data outside the repository."""

import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import InputError

SOURCE = Path(__file__).resolve().parents[2]
"""The folder that holds `pipeline/` and `conf/`."""

PRESETS = SOURCE / "conf"

OUTPUTS = Path("outputs")
"""What holds whatever a stage reads of another, in the repository and wherever else a run writes."""


def repository() -> Path:
    """The folder of params.yaml, dvc.yaml and outputs/: the working directory if it holds a dvc.yaml, else `SOURCE`.

    Stages and commands change into it first, so that every other path is relative to it.
    """
    here = Path.cwd()
    return here if (here / "dvc.yaml").is_file() else SOURCE


def source_file(root: Path, stage: str) -> Path:
    """What `source` writes of a stage: the lines of what it runs."""
    return root / "outputs" / "source" / f"{stage}.txt"


def times_file(root: Path, stage: str, item: str) -> Path:
    """How long a stage took of `<task>-<seed>`; DVC knows nothing of it."""
    return root / "outputs" / "times" / f"{stage}@{item}.json"


def nothing_outside(root: Path) -> Path:
    """A file that never changes: what a stage depends on where it reads nothing outside of the repository."""
    return source_file(root, "nothing_outside")


def data_folder(root: Path, task: str, seed: int) -> Path:
    """What `prepare` writes."""
    return root / "outputs" / "data" / f"{task}-{seed}"


def model_folder(root: Path, task: str, seed: int) -> Path:
    """The fine-tuned model, as `save_pretrained` writes it."""
    return root / "outputs" / "models" / f"{task}-{seed}"


def predictions_file(root: Path, task: str, seed: int) -> Path:
    """The fine-tuned model's predictions on the evaluation split."""
    return root / "outputs" / "predictions" / f"{task}-{seed}.parquet"


def attributions_folder(root: Path, task: str, seed: int) -> Path:
    """What `attribute` writes."""
    return root / "outputs" / "attributions" / f"{task}-{seed}"


def experiment_folder(root: Path, stage: str, task: str, seed: int) -> Path:
    """What the stage of an experiment, such as `effectiveness`, writes: what happened to every example."""
    return root / "outputs" / stage / f"{task}-{seed}"


def planted_paths_folder(root: Path, seed: int) -> Path:
    """What the stage `planted_paths`, which has no tasks, writes."""
    return root / "outputs" / "planted_paths" / str(seed)


def examples_folder(root: Path, task: str, seed: int) -> Path:
    """What `examples` writes: trees and pages of single examples."""
    return root / "outputs" / "examples" / f"{task}-{seed}"


def analysis_folder(root: Path, experiment: str) -> Path:
    """What `analyse` makes of an experiment's outcomes, over all tasks and seeds."""
    return root / "outputs" / "analysis" / experiment


def metrics_file(root: Path, task: str) -> Path:
    """The few numbers of a task that are committed."""
    return root / "metrics" / f"{task}.json"


def summary_folder(root: Path, stage: str) -> Path:
    """What a stage over all tasks and seeds (`figures`, `tables`, `report`) writes."""
    return root / "outputs" / stage


def link_external(needed: Sequence[str]) -> None:
    """Make `external` in the working directory a link to the folder that ATTATTR_DATA names, or refresh it.

    Args:
        needed: the folders that have to be there, such as `glue` and `models`; without any there is nothing to link.

    Raises:
        InputError: if ATTATTR_DATA is unset, is no folder or lacks one of `needed`, or if `external` is no link.
    """
    if not needed:
        return
    setting, held = os.environ.get("ATTATTR_DATA"), " and ".join(f"{name}/" for name in needed)
    if not setting:
        raise InputError(f"ATTATTR_DATA is not set; set it to the folder that holds {held}")
    target = Path(setting).expanduser().resolve()
    if not target.is_dir():
        raise InputError(f"ATTATTR_DATA is {setting}, which is not a folder; it must hold {held}")
    for name in needed:
        if not os.path.isdir(target / name):  # noqa: PTH112 - `Path.is_dir` raises where a name is too long
            raise InputError(f"ATTATTR_DATA is {setting}, which has no folder {name}/")
    link = Path("external")
    if link.is_symlink() and link.readlink() == target:
        return
    if link.exists() and not link.is_symlink():
        raise InputError("external exists and is not a link; move it away, the link to ATTATTR_DATA goes there")
    # A link is replaced by renaming another over it, so that a reader never finds it missing.
    fresh = Path(f"external.{os.getpid()}")
    fresh.symlink_to(target, target_is_directory=True)
    fresh.replace(link)
