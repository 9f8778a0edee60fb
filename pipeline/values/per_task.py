"""What a value means for one task and seed."""

from collections.abc import Mapping

DEFAULT = "default"


def filled_name(name: str, task: str, seed: int) -> str:
    """`name` for one task and seed. Everything but the two placeholders stands for itself, braces included."""
    return name.replace("{task}", task).replace("{seed}", str(seed))


def for_task(value: int | Mapping[str, int], task: str) -> int | None:
    """What `value` holds for `task`: the number, the table's entry or its default; None where it has neither."""
    return value.get(task, value.get(DEFAULT)) if isinstance(value, Mapping) else value
