"""The processes that compute one stage together, over machines: what `torchrun` or SLURM's `srun` has started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.values.config import StageConfig

# What tells a process its number, how many there are, and on how many machines.
VARIABLES = {
    "torchrun": ("RANK", "WORLD_SIZE", "GROUP_WORLD_SIZE"),
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_NNODES"),
}
STARTED = {
    "torchrun": "torchrun --nnodes=... --nproc-per-node=... -m pipeline.attribute",
    "slurm": "srun --kill-on-bad-exit=1 --nodes=... --ntasks-per-node=... python -m pipeline.attribute",
}


@dataclass(frozen=True)
class Group:
    """Which of the processes this is. The first one writes what they have computed."""

    rank: int = 0
    size: int = 1
    nodes: int = 1
    strategy: str = "auto"

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0


ALONE = Group()


def group_of(config: StageConfig) -> Group:
    """The group of processes that this one is of, by the trainer's strategy; a stage that uses one has no other.

    Raises:
        InputError: if the strategy's program has not started this process, or its machines have different numbers of
            processes.
    """
    strategy = config.run.trainer.strategy
    if config.stage != "attribute" or strategy not in VARIABLES:
        return ALONE
    if config.sweep:
        raise InputError(f"run.trainer.strategy is {strategy}, but jobs of a sweep start their processes themselves")
    try:
        rank, size, nodes = (int(os.environ[name]) for name in VARIABLES[strategy])
    except (KeyError, ValueError):
        raise InputError(
            f"run.trainer.strategy is {strategy}, which has not started this process: {STARTED[strategy]} "
            f"{config.label and f'task={config.task} seed={config.seed} '}run.trainer.strategy={strategy}"
        ) from None
    if size % nodes:
        raise InputError(f"{size} processes on {nodes} machines: each machine must have as many as every other")
    return Group(rank, size, nodes, strategy) if size > 1 else ALONE
