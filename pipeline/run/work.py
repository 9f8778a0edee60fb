"""Folders for unfinished work: DVC deletes a stage's outputs before it runs, so what can be resumed lives elsewhere."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pipeline.run.config import StageConfig
from pipeline.run.paths import SOURCE


def work_folder(config: StageConfig, *, inputs: Iterable[Path]) -> Path:
    """A folder named after everything the work depends on: values, input files and source.

    Work found in it is of this very job; a changed value, input or source leads to another folder.
    """
    digest = hashlib.sha256(json.dumps([config.stage, config.label, config.values()], sort_keys=True).encode())
    for path in (*inputs, SOURCE / "pipeline"):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                # Both at a fixed length, so that no byte can move from the name to the content.
                digest.update(hashlib.sha256(str(file.relative_to(path)).encode()).digest())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return Path(".work") / f"{config.stage}-{config.label}-{digest.hexdigest()[:16]}"
