"""Where a run finds what it reads, looked for before any work: what is missing is named with what makes it.

Under DVC everything is in outputs/. A run by hand finds there what DVC has made, and otherwise what an earlier run by
hand has left in scratch/.
"""

import hashlib
import json
import os
from collections.abc import Iterator
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
from pipeline.values.params import Declaration

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
    def remedy(self) -> str:
        """The command that makes it."""
        item = "-".join(map(str, self.item))
        return f"`dvc repro {self.stage}{'@' if item else ''}{item}` makes it"


def read_inputs(config: StageConfig, declaration: Declaration) -> dict[Path, Path]:
    """What the run reads of earlier stages, by its place in outputs/: where it is.

    Raises:
        InputError: if something that the stage declares in dvc.yaml is not there.
    """
    graph, found = [*_graph(config)], dict[Path, Path]()
    for dep in map(Path, filled_deps(config, declaration)):
        parts = [made for made in graph if dep == made.path or dep in made.path.parents or made.path in dep.parents]
        if not parts and not dep.exists():
            raise InputError(f"{dep} is missing: {_remedy(dep, config)}")
        for made in parts:
            places = [made.path] if is_run_by_dvc(config.stage) else [made.path, made.by_hand]
            place = next((place for place in places if _is_there(place)), None)
            if place is None:
                raise InputError(f"{made.path} is missing: {made.remedy}")
            found[made.path] = place
    return found


def input_root(found: dict[Path, Path]) -> Path:
    """The folder below which all inputs are: the repository, or one of links where some of them are elsewhere."""
    if all(place == path for path, place in found.items()):
        return Path()
    targets = {str(path): str(place.resolve()) for path, place in found.items()}
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


def _graph(config: StageConfig) -> Iterator[Made]:
    """Every output of the graph."""
    values: dict[str, Any] = {"task": config.all_values.tasks, "seed": config.all_values.seeds}
    for stage, entry in stages(Path()).items():
        keys = [*(entry.get("matrix") or {})]
        for item in product(*(values[key] for key in keys)):
            for out in entry.get("outs") or []:
                for key, value in zip(keys, item, strict=True):
                    out = str(out).replace(f"${{item.{key}}}", str(value))
                yield Made(Path(out), stage, item)


def _is_there(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(os.scandir(path)))


def _remedy(dep: Path, config: StageConfig) -> str:
    if dep.parts[0] == "external":
        return "`python -m pipeline.commands.check` makes the link to the folder of ATTATTR_DATA, or says what it lacks"
    return f"dvc.yaml declares it for stage {config.stage}"
