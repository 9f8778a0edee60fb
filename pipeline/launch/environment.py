"""Variables of the shell that would make a stage part of something it is not."""

import os

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


def forget_strays() -> None:
    """Take out of the environment what Lightning would obey in place of the values.

    A stage starts its processes itself, so that a rank, or an address of other ranks, was meant for another program;
    and the trainer's options are values or the code's, not the shell's.
    """
    for name in [*os.environ]:
        if name in RANKS or name.startswith(TRAINER):
            del os.environ[name]
