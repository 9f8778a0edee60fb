"""Which GPU each of several processes takes, where there is one."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"


def gpus() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them; empty where there is none."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    given = os.environ.get(VISIBLE)
    named = [str(number) for number in range(count)] if given is None else [part.strip() for part in given.split(",")]
    # Of several parts of one GPU a process sees the first alone, so that they cannot be counted.
    return named if count and all(name.startswith("MIG-") for name in named) else named[:count]


class Places:
    """GPUs, `each` of them for one process; a process takes those that fewest others have."""

    def __init__(self, names: Sequence[str], *, each: int = 1) -> None:
        groups = [names[start : start + each] for start in range(0, len(names) - each + 1, each)]
        self._names = [",".join(group) for group in groups]
        self._taken: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._names)

    def take(self, process: str) -> dict[str, str]:
        """The variables of the process's environment that show it its GPUs alone; none where there are none."""
        if not self._names:
            return {}
        used = Counter(self._taken.values())
        self._taken[process] = min(self._names, key=lambda name: used[name])
        return {VISIBLE: self._taken[process]}

    def give_back(self, process: str) -> None:
        """The process has ended."""
        self._taken.pop(process, None)
