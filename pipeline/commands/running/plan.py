"""What there is to do: asked of DVC once, for all stages, before any process is started."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.commands.running.alone import forget_the_dead
from pipeline.errors import InputError
from pipeline.values.params import GRAPH_FILE

if TYPE_CHECKING:
    from networkx import DiGraph


JOBS = 2  # models at once, where nobody says how many


@dataclass(frozen=True)
class Plan:
    """Stages as DVC names them, such as `prune@rte-1`, each after those that it reads."""

    shared: Sequence[str]
    """Changed ones that models wait for, and that are no model's: before them it is open which models have work."""
    models: Mapping[str, Sequence[str]]
    """By model, those that have changed or read one that has; of a model that has none, nothing."""
    changed: Collection[str]
    """All that have changed."""
    stale: Collection[str]
    """All that have changed or read one that has, so those that may run."""


def plan(models: Iterable[str]) -> Plan:
    """Compare dvc.lock with the files there are.

    Raises:
        InputError: if DVC is busy, or refuses dvc.yaml, params.yaml or dvc.lock.
    """
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo, lock_repo

    logging.getLogger("dvc.progress").setLevel(logging.CRITICAL)  # by which it decides whether to draw bars
    try:
        with Repo() as repo, lock_repo(repo):
            forget_the_dead()
            index = repo.index
            own = str(Path.cwd() / GRAPH_FILE)
            changed = {stage.addressing for stage in index.stages if stage.path == own and stage.changed()}
            return divide(read_by(index.graph), changed, models)
    except LockError as error:
        raise InputError(f"another dvc runs here: wait for it, or stop it ({_first_line(error)})") from None
    except DvcException as error:
        raise InputError(f"DVC says: {_one_line(error)}") from None


def read_by(graph: "DiGraph[Any]") -> dict[str, set[str]]:
    """For every stage those that it reads, directly or not; a stage comes after all of them."""
    import networkx as nx

    order = reversed([*nx.topological_sort(graph)])  # DVC's edges lead to what is read
    return {stage.addressing: {other.addressing for other in nx.descendants(graph, stage)} for stage in order}


def divide(reads: Mapping[str, Collection[str]], changed: Collection[str], models: Iterable[str]) -> Plan:
    """The plan for the stages that `reads` has, in its order, with what they read.

    A stage is a model's if it carries the model's name and nothing of another model that it reads, directly or not, has
    changed.
    """
    known = [*models]

    def waits(name: str) -> bool:
        return any(item_of(other) not in ("", item_of(name)) and other in changed for other in reads[name])

    own = {name: item_of(name) for name in reads if item_of(name) in known and not waits(name)}
    before = {name for stage in own for name in reads[stage]}
    shared = {name for name in before if {*known}.isdisjoint(map(item_of, (name, *reads[name])))}
    stale = [name for name in reads if not {name, *reads[name]}.isdisjoint(changed)]
    work = {model: [name for name in stale if own.get(name) == model] for model in known}
    first = [name for name in reads if name in shared and name in changed]
    return Plan(first, {model: names for model, names in work.items() if names}, changed, stale)


def item_of(stage: str) -> str:
    """Which of a stage's matrix it is: `rte-1` of `prune@rte-1`, empty of a stage without."""
    return Path(stage).name.partition("@")[2]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
