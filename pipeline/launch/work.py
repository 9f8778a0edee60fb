"""What a run's result depends on, and folders for unfinished work.

DVC deletes a stage's outputs before it runs, so what can be resumed lives elsewhere.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pipeline.values.config import StageConfig
from pipeline.values.params import Declaration
from pipeline.values.paths import SOURCE


def work_folder(config: StageConfig, *, inputs: Iterable[Path]) -> Path:
    """A folder named after everything the work depends on: values, input files and source.

    Work found in it is of this very job; a changed value, input or source leads to another folder.
    """
    digest = fingerprint(config, inputs=[*inputs, SOURCE / "attattr", SOURCE / "pipeline"])
    return Path(".work") / f"{config.stage}-{config.label}-{digest[:16]}"


@contextmanager
def unfinished(config: StageConfig, *, inputs: Iterable[Path]) -> Iterator[Path]:
    """The `work_folder`, deleted once the block has ended well: a run that fails in it goes on from what it holds."""
    folder = work_folder(config, inputs=inputs)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def fingerprint(config: StageConfig, *, inputs: Iterable[Path]) -> str:
    """A digest of the run's stage, task, seed and values and of the content of `inputs`, files or folders."""
    digest = hashlib.sha256(json.dumps([config.stage, config.label, config.values()], sort_keys=True).encode())
    for path in inputs:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                # Both at a fixed length, so that no byte can move from the name to the content.
                digest.update(hashlib.sha256(str(file.relative_to(path)).encode()).digest())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _source() -> str:
    """A digest of what can change a result: the source without what starts stages, and the commands beside them."""
    digest = hashlib.sha256()
    for file in sorted((SOURCE / "pipeline").rglob("*")):
        name = file.relative_to(SOURCE / "pipeline")
        if file.is_file() and not {"__pycache__", "launch", "commands"} & {*name.parts}:
            digest.update(hashlib.sha256(str(name).encode()).digest() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def pipeline_run(config: StageConfig) -> str:
    """The name of the pipeline run that the stage belongs to: its preset, and a digest of all values and the source.

    The same for every stage of one `make repro`, also in several processes, and if it is resumed tomorrow; another
    value or another line of source, committed or not, is another pipeline run. What is under `run`, and
    `pipeline/launch/`, cannot change a result and is left out; so is git, as a commit may change nothing that counts.
    """
    values = config.all_values.model_dump(mode="json", exclude={"run"})
    digest = hashlib.sha256(json.dumps([values, _source()], sort_keys=True).encode()).hexdigest()
    return f"{config.all_values.preset}-{digest[:8]}"


def dependencies(config: StageConfig, declaration: Declaration) -> list[Path]:
    """The files and folders that dvc.yaml declares for the run: what its stage reads, and the source it imports."""

    def value(placeholder: re.Match[str]) -> str:
        section, key = placeholder.group(1), placeholder.group(2)
        return str(getattr(config if section == "item" else getattr(config, section), key))

    deps = [re.sub(r"\$\{(\w+)\.(\w+)\}", value, dep) for dep in declaration.deps]
    return [(SOURCE if dep.startswith(("pipeline/", "conf")) else config.input_root) / dep for dep in deps]
