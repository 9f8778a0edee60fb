"""Variables of the shell: those that would make a stage part of something it is not, and those that quieten others."""

import os
from pathlib import Path

RANKS = (
    "RANK",
    "LOCAL_RANK",
    "GROUP_RANK",
    "NODE_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
)
TRAINER = "PL_TRAINER_"
# Of loaders, which draw them anywhere and by the dozen; a user may ask for them by setting a variable to 0.
BARS = ("HF_DATASETS_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_PROGRESS_BARS")


def forget_options() -> None:
    """Take Lightning's options out of the environment: they are values or the code's, not the shell's."""
    for name in [*os.environ]:
        if name.startswith(TRAINER):
            del os.environ[name]


def forget_ranks() -> None:
    """Take out of the environment a rank, and an address of other ranks.

    A stage that starts its processes itself would take them for its own; they were meant for another program.
    """
    for name in RANKS:
        os.environ.pop(name, None)


def quieten_loaders() -> None:
    """Switch off the bars of datasets and the hub, in this process and those that it starts."""
    for name in BARS:
        os.environ.setdefault(name, "1")


def running_item(stage: str) -> str | None:
    """`negation-1` where DVC runs `prune@negation-1` and the stage is `prune`; None where it does not run this one."""
    name, _, item = os.environ.get("DVC_STAGE", "").rpartition(":")[2].partition("@")
    return item if name == stage else None


def is_run_by_dvc(stage: str) -> bool:
    """Whether DVC runs this very stage."""
    return running_item(stage) is not None


def scratch_folder(stage: str, *parts: object) -> Path:
    """Where a run of a stage by hand writes: a folder that no DVC output shares."""
    return Path("scratch") / stage / "-".join(str(part) for part in parts if part is not None)


def output_root(stage: str, *parts: object) -> Path:
    """The repository if DVC runs this very stage; otherwise a folder of the run's own."""
    return Path() if is_run_by_dvc(stage) else scratch_folder(stage, *parts)
