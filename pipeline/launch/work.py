"""What a run's result depends on, and folders for unfinished work.

DVC deletes a stage's outputs before it runs, so what can be resumed lives elsewhere.
"""

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.digests.stage import lines
from pipeline.launch.unfinished import Unfinished
from pipeline.values.config import StageConfig
from pipeline.values.params import Declaration, read_declaration
from pipeline.values.paths import OUTPUTS, SOURCE, source_file

SOURCE_FOLDER = source_file(Path(), "").parent

log = logging.getLogger(__name__)


def work_of(config: StageConfig) -> Unfinished:
    """Where a run that writes to this place keeps its unfinished work: named after everything that it depends on."""
    key = fingerprint(config, inputs=dependencies(config, read_declaration(config.stage)))
    return Unfinished(work_place(config) / key[:16], key)


def work_place(config: StageConfig) -> Path:
    """What holds the unfinished work of runs that write to this place."""
    return Path(".work") / config.output_root / f"{config.stage}-{config.label}".rstrip("-")


@contextmanager
def unfinished(config: StageConfig) -> Iterator[Unfinished]:
    """What `work_of` says, deleted once the block has ended well: a run that fails in it goes on from what it holds.

    What an earlier run to the same place left of other values, inputs or source is deleted before, with a word.
    """
    work = work_of(config)
    for other in sorted(work.folder.parent.glob("*")):
        if other != work.folder:
            log.info("starting anew: unfinished work (%s) is of other inputs, values or source, and is deleted", other)
            shutil.rmtree(other, ignore_errors=True)
    yield work
    shutil.rmtree(work.folder.parent, ignore_errors=True)


def fingerprint(config: StageConfig, *, inputs: Iterable[Path]) -> str:
    """A digest of the run's stage, task, seed, values and source, and of the content of `inputs`, files or folders.

    Where values name something on the hub it is of the commit that the hub's cache has for it, too.
    """
    source = lines(config.stage, sections=config.declared, root=SOURCE)
    known = [config.stage, config.label, config.values(), source, _commits(config)]
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for path in inputs:
        for name in _files(path, ()):
            # Both at a fixed length, so that no byte can move from the name to the content.
            digest.update(hashlib.sha256(os.path.relpath(name, path).encode()).digest())
            with name.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _files(path: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """The file, or those below the folder in a fixed order; links are followed, unless to a folder that they are in."""
    if path.is_file():
        yield path
    elif path.is_dir() and (real := path.resolve()) not in above:
        for entry in sorted(path.iterdir()):
            yield from _files(entry, (*above, real))


def _on_hub(config: StageConfig) -> dict[str, tuple[str, str | None]]:
    """The name and the revision of what the run's values name on the hub, by section."""
    sections = {name: getattr(config, name) for name in ("data", "model") if name in config.declared}
    return {name: (one.name, one.revision) for name, one in sections.items() if one.source == "hub"}


def _commits(config: StageConfig) -> dict[str, str | None]:
    """Of what is named on the hub the commit that was loaded last, as the hub's cache has it."""
    if not (named := _on_hub(config)):
        return {}
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    kinds, found = {"data": "dataset", "model": "model"}, dict[str, str | None]()
    for section, (name, revision) in named.items():
        folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type=kinds[section])
        commit = folder / "refs" / (revision or "main")
        found[section] = commit.read_text(encoding="utf-8") if commit.is_file() else None
    return found


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
    """The files and folders that the stage reads: what dvc.yaml declares beside its source.

    And a folder of a name that is meant on the hub, which is read in its place.
    """
    deps = [Path(dep) for dep in filled_deps(config, declaration)]
    made = [config.input_root / dep if OUTPUTS in dep.parents else dep for dep in deps]
    return [*made, *(folder for name, _ in _on_hub(config).values() if (folder := Path(name)).is_dir())]


def filled_deps(config: StageConfig, declaration: Declaration) -> list[str]:
    """What dvc.yaml declares for the run, beside its source, as DVC names it."""

    def value(placeholder: re.Match[str]) -> str:
        section, key = placeholder.group(1), placeholder.group(2)
        return str(getattr(config if section == "item" else getattr(config, section), key))

    deps = [re.sub(r"\$\{(\w+)\.(\w+)\}", value, dep) for dep in declaration.deps]
    return [dep for dep in deps if SOURCE_FOLDER not in Path(dep).parents]
