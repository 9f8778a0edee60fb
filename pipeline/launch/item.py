"""The task and seed for which DVC runs a stage: a place in its matrix, by the name that DVC gives it."""

from itertools import product

from pipeline.errors import InputError
from pipeline.launch.environment import running_item
from pipeline.values.params import Declaration
from pipeline.values.schema import Params


def chosen_by_dvc(stage: str, declaration: Declaration, params: Params) -> tuple[str | None, int | None]:
    """The task and the seed of the stage that DVC runs; None for what its matrix lacks, and both where it runs none.

    Raises:
        InputError: if params.yaml has no such task and seed.
    """
    item = running_item(stage)
    if not item:
        return None, None
    tasks = params.tasks if "task" in declaration.matrix else (None,)
    seeds = params.seeds if "seed" in declaration.matrix else (None,)
    named = {"-".join(str(part) for part in pair if part is not None): pair for pair in product(tasks, seeds)}
    if item not in named:
        raise InputError(f"DVC runs {stage}@{item}, but tasks and seeds of params.yaml make {', '.join(named)}")
    return named[item]
