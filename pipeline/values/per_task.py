"""What a value means for one task and seed."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

DEFAULT = "default"
MOST_NAMES = 6


Value = TypeVar("Value", int, str)


def filled_name(name: str | Mapping[str, str], task: str, seed: int) -> str:
    """`name` for one task and seed. Everything but the two placeholders stands for itself, braces included."""
    return str(for_task(name, task)).replace("{task}", task).replace("{seed}", str(seed))


def for_task(value: Value | Mapping[str, Value], task: str) -> Value | None:
    """What `value` holds for `task`: itself, the table's entry or its default; None where it has neither."""
    return value.get(task, value.get(DEFAULT)) if isinstance(value, Mapping) else value


def shown_names(name: str | Mapping[str, str], tasks: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """The name filled in for every task and seed, each once; of more than `MOST_NAMES` the first and the last."""
    names = list(dict.fromkeys(filled_name(name, task, seed) for task in tasks for seed in seeds))
    return names if len(names) <= MOST_NAMES else [*names[: MOST_NAMES - 1], "…", names[-1]]
