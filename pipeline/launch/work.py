"""What a run's result depends on, and folders for unfinished work.

DVC deletes a stage's outputs before it runs, so what can be resumed lives elsewhere.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.digests.stage import lines
from pipeline.values.config import StageConfig
from pipeline.values.params import Declaration
from pipeline.values.paths import SOURCE, source_file

SOURCE_FOLDER = source_file(Path(), "").parent


def work_folder(config: StageConfig, *, inputs: Iterable[Path]) -> Path:
    """A folder named after everything the work depends on: values, input files and what the stage runs.

    Work found in it is of this very job; a changed value, input or source leads to another folder.
    """
    return Path(".work") / f"{config.stage}-{config.label}-{fingerprint(config, inputs=inputs)[:16]}"


def fingerprint(config: StageConfig, *, inputs: Iterable[Path]) -> str:
    """A digest of the run's stage, task, seed, values and source, and of the content of `inputs`, files or folders."""
    source = lines(config.stage, sections=config.declared, root=SOURCE)
    known = [config.stage, config.label, config.values(), source]
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for path in inputs:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                # Both at a fixed length, so that no byte can move from the name to the content.
                digest.update(hashlib.sha256(str(file.relative_to(path)).encode()).digest())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def pipeline_run(config: StageConfig) -> str:
    """The name of the pipeline run that the stage belongs to: its preset, and a digest of all values and the source.

    The same for every stage of one `make repro`, also in several processes, and if it is resumed tomorrow; another
    value, or source that says something else, committed or not, is another pipeline run. What is under `run` cannot
    change a result and is left out; so is git, as a commit may change nothing that counts. The source is as the stage
    `source` found it, which DVC runs before all others.
    """
    values = config.all_values.model_dump(mode="json", exclude={"run"})
    source = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCE_FOLDER.glob("*.txt"))}
    digest = hashlib.sha256(json.dumps([values, source], sort_keys=True).encode()).hexdigest()
    return f"{config.all_values.preset}-{digest[:8]}"


def dependencies(config: StageConfig, declaration: Declaration) -> list[Path]:
    """The files and folders that dvc.yaml declares for the run, beside its source: what its stage reads."""

    def value(placeholder: re.Match[str]) -> str:
        section, key = placeholder.group(1), placeholder.group(2)
        return str(getattr(config if section == "item" else getattr(config, section), key))

    deps = [re.sub(r"\$\{(\w+)\.(\w+)\}", value, dep) for dep in declaration.deps]
    return [config.input_root / dep for dep in deps if SOURCE_FOLDER not in Path(dep).parents]
