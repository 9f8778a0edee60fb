"""What a run's result depends on, and folders for unfinished work.

DVC deletes a stage's outputs before it runs, so what can be resumed lives elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.values.config import StageConfig
from pipeline.values.params import Declaration
from pipeline.values.paths import SOURCE


def work_folder(config: StageConfig, *, inputs: Iterable[Path]) -> Path:
    """A folder named after everything the work depends on: values, input files and source.

    Work found in it is of this very job; a changed value, input or source leads to another folder.
    """
    digest = fingerprint(config, inputs=[*inputs, SOURCE / "pipeline"])
    return Path(".work") / f"{config.stage}-{config.label}-{digest[:16]}"


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


def dependencies(config: StageConfig, declaration: Declaration) -> list[Path]:
    """The files and folders that dvc.yaml declares for the run: what its stage reads, and the source it imports."""

    def value(placeholder: re.Match[str]) -> str:
        section, key = placeholder.group(1), placeholder.group(2)
        return str(getattr(config if section == "item" else getattr(config, section), key))

    deps = [re.sub(r"\$\{(\w+)\.(\w+)\}", value, dep) for dep in declaration.deps]
    return [(SOURCE if dep.startswith(("pipeline/", "conf")) else config.input_root) / dep for dep in deps]
