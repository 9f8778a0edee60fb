"""How jobs are shared out between processes, and what Lightning has to know of these."""

from __future__ import annotations

import heapq
import logging
from typing import TYPE_CHECKING

from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment

    from pipeline.launch.group import Group

log = logging.getLogger(__name__)


def balanced(costs: Sequence[int], count: int) -> list[list[int]]:
    """The numbers of the jobs of each of `count` processes: the dearest first, each to the one with the least to do.

    No process has more than 4/3 of what it would have at best (Graham 1969). Each does its jobs in their order.
    """
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [(0, number) for number in range(count)]
    for job in sorted(range(len(costs)), key=lambda job: -costs[job]):
        load, number = loads[0]
        shares[number].append(job)
        heapq.heapreplace(loads, (load + costs[job], number))
    return [sorted(share) for share in shares]


def tell_balance(shares: Sequence[Sequence[int]], costs: Sequence[int]) -> None:
    """Log how evenly the jobs are shared out."""
    loads = [sum(costs[job] for job in share) for share in shares]
    mean = sum(loads) / len(loads)
    log.info(
        "%d processes: %s tokens each; the most is %.2f times the mean",
        len(loads),
        ", ".join(f"{load:,}" for load in loads),
        max(loads) / mean if mean else 1.0,
    )


def environment_of(group: Group) -> ClusterEnvironment:
    """What Lightning asks for the place of this process.

    Without a strategy of several machines it is one process, whatever a cluster's variables in the shell say.

    Raises:
        InputError: if SLURM's variables do not fit together.
    """
    if group.strategy == "torchrun":
        return TorchElasticEnvironment()
    if group.strategy != "slurm":
        return LightningEnvironment()
    try:
        return SLURMEnvironment(auto_requeue=False)
    except RuntimeError as error:
        raise InputError(" ".join(str(error).split())) from None
