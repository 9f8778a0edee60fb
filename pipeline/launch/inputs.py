"""Where a run finds what it reads, looked for before any work: what is missing is named with what makes it.

Under DVC everything is in outputs/. A run by hand finds there what DVC has made, and otherwise what an earlier run by
hand has left in scratch/.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipeline.errors import InputError
from pipeline.launch.environment import is_run_by_dvc, scratch_folder
from pipeline.launch.work import filled_deps
from pipeline.terminal.listing import stages
from pipeline.values.config import StageConfig
from pipeline.values.models import is_kept
from pipeline.values.params import Declaration
from pipeline.values.sums import BESIDE, check_sums, write_sums

VIEWS = Path(".work/inputs")


@dataclass(frozen=True)
class Made:
    """What a stage makes of a task and a seed, or of all."""

    path: Path
    stage: str
    item: tuple[object, ...] = ()

    @property
    def by_hand(self) -> Path:
        """Where a run of its stage by hand leaves it."""
        return scratch_folder(self.stage, *self.item) / self.path

    @property
    def owner(self) -> str:
        """The stage and its item, as DVC names them."""
        item = "-".join(map(str, self.item))
        return f"{self.stage}{'@' if item else ''}{item}"

    @property
    def remedy(self) -> str:
        """The command that makes it."""
        return f"run: dvc repro {self.owner}"


def read_inputs(config: StageConfig, declaration: Declaration) -> dict[Made, Path]:
    """What the run reads of earlier stages, and where it is.

    Of a folder of every model's a stage over all reads each, one of a single model perhaps a few. A kept run has not
    everything; whoever reads what it lacks says so.

    Raises:
        InputError: if something that the stage declares in dvc.yaml is not there.
    """
    graph, found, kept = [*_graph(config)], dict[Made, Path](), is_kept(Path())
    for dep in map(Path, filled_deps(config, declaration)):
        parts = [made for made in graph if dep == made.path or dep in made.path.parents or made.path in dep.parents]
        if not parts and not dep.exists() and not kept:
            raise InputError(f"{dep} is missing; {_remedy(dep, config)}")
        there = {made: place for made in parts if (place := _place(made, config))}
        missing = [made for made in parts if made not in there]
        if missing and not kept and not (there and declaration.matrix):
            raise InputError(f"{missing[0].path} is missing; {missing[0].remedy}")
        found |= there
    return found


def check_inputs(found: Mapping[Made, Path]) -> None:
    """Refuse what is not what its stage wrote: a disk's fault, or another model's files."""
    for made, place in found.items():
        # DVC takes a file that it has seen for unchanged as long as its size and time are the same.
        check_sums(place, owner=made.owner, remedy=f"delete {place} and {made.remedy}")


def own_outputs(config: StageConfig) -> dict[Path, Made]:
    """What the run itself writes, and where."""
    item = tuple(value for value in (config._task, config._seed) if value is not None)
    own = [made for made in _graph(config) if (made.stage, made.item) == (config.stage, item)]
    return {config.output_root / made.path: made for made in own}


def write_output_sums(config: StageConfig) -> None:
    """Write down the digests of what the run's stage has just written."""
    for path, made in own_outputs(config).items():
        if path.exists():
            write_sums(path, owner=made.owner)


def input_root(found: Mapping[Made, Path]) -> Path:
    """The folder below which all inputs are: the repository, or one of links where some of them are elsewhere."""
    if all(place == made.path for made, place in found.items()):
        return Path()
    targets = {str(made.path): str(place.resolve()) for made, place in found.items()}
    root = VIEWS / hashlib.sha256(json.dumps(targets, sort_keys=True).encode()).hexdigest()[:16]
    for path, target in targets.items():
        link = root / path
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            # Renamed, as another job of the sweep may make it at the same time.
            fresh = link.with_name(f".{link.name}.{uuid4().hex}")
            fresh.symlink_to(target)
            fresh.replace(link)
    return root


def without_part(error: FileNotFoundError, config: StageConfig, declaration: Declaration) -> InputError | None:
    """What to say where a file was not found in something that the run reads; None where it was elsewhere."""
    for made in read_inputs(config, declaration):
        if f"{config.input_root / made.path}/" in str(error):
            return InputError(f"{made.path} is not whole ({' '.join(str(error).split())}); {made.remedy}")
    return None


def _place(made: Made, config: StageConfig) -> Path | None:
    places = [made.path] if is_run_by_dvc(config.stage) else [made.path, made.by_hand]
    return next((place for place in places if place.is_file() or (place.is_dir() and any(os.scandir(place)))), None)


def _graph(config: StageConfig) -> Iterator[Made]:
    """Every output of the graph, without the digests beside one."""
    values: dict[str, Any] = {"task": config.all_values.tasks, "seed": config.all_values.seeds}
    for stage, entry in stages(Path()).items():
        keys = [*(entry.get("matrix") or {})]
        for item in product(*(values[key] for key in keys)):
            for out in entry.get("outs") or []:
                for key, value in zip(keys, item, strict=True):
                    out = str(out).replace(f"${{item.{key}}}", str(value))
                if not out.endswith(BESIDE):
                    yield Made(Path(out), stage, item)


def _remedy(dep: Path, config: StageConfig) -> str:
    if dep.parts[0] == "external":
        return "run: python -m pipeline.commands.check (it links the folder of ATTATTR_DATA, or says what that lacks)"
    return f"dvc.yaml declares it for stage {config.stage}"
