"""What tasks and seeds may be: DVC makes paths of them, and deletes what is there, before any stage runs."""

import re

from pipeline.errors import InputError

TASK = re.compile(r"[a-z][a-z0-9_]*")
MOST_SEED = 2**32 - 1  # NumPy's legacy generator and Lightning take no larger one


def check_names(values: object) -> None:
    """Raise InputError unless `tasks` and `seeds` of params.yaml, `values`, hold names and numbers and nothing else."""
    sections = values if isinstance(values, dict) else {}
    for key, fits, what in (
        ("tasks", _is_task, "names of tasks, of a-z, 0-9 and _"),
        ("seeds", _is_seed, f"integers from 0 to {MOST_SEED}"),
    ):
        held = sections.get(key)
        if not isinstance(held, list) or not all(map(fits, held)):
            raise InputError(f"params.yaml: {key} is {held!r}, but must be a list of {what}")


def _is_task(value: object) -> bool:
    return isinstance(value, str) and TASK.fullmatch(value) is not None


def _is_seed(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_SEED
