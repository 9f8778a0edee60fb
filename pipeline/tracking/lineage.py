"""What a stage reads and writes, as Weights & Biases shows it: data → model → scores → outcomes → statistics → report.

The bytes stay with DVC. An artifact names the output and its MD5, the one by which `dvc.lock` and the DVC remote know
it, so that the same bytes are the same version on every machine.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.values.config import StageConfig
from pipeline.values.params import GRAPH_FILE
from pipeline.values.paths import source_file
from pipeline.values.sums import BESIDE

# What a folder of outputs/ holds; every other one holds outcomes.
KINDS = {
    "data": "data",
    "models": "model",
    "attributions": "scores",
    "analysis": "statistics",
    "figures": "figures",
    "report": "report",
    "examples": "viewer",
}
# The folder of a stage that is no run, as it measures nothing for a claim: nobody could link what it makes.
WITHOUT_RUN = "outputs/view"


@dataclass(frozen=True)
class Held:
    """An output that DVC holds: a file, or a folder."""

    path: Path

    @property
    def name(self) -> str:
        """The artifact's: `outputs/models/negation-1` is models-negation-1."""
        return "-".join(self.path.with_suffix("").parts[1:])

    @property
    def kind(self) -> str:
        """The artifact's type."""
        return KINDS.get(self.path.parts[1], "outcomes")

    @property
    def md5(self) -> str:
        """As DVC computes it; a folder's ends in .dir."""
        return _md5(self.path.resolve())

    @property
    def version(self) -> str:
        """The alias of this content, by which a run names what it read."""
        return self.md5[:12]

    @property
    def reference(self) -> str:
        """Where DVC has it, in its cache and its remotes."""
        return f"dvc://files/md5/{self.md5[:2]}/{self.md5[2:]}"


def inputs(config: StageConfig) -> list[Held]:
    """The outputs of earlier stages that the run reads; those that are not there are left out."""
    outs = [out for entry in _graph(GRAPH_FILE.resolve()).values() for out in entry.get("outs", [])]
    found: list[Path] = []
    for dep in stage_entry(config.stage)["deps"]:
        of_no_run = (str(source_file(Path(), "").parent), WITHOUT_RUN)
        if not dep.startswith("outputs/") or dep.startswith(of_no_run):
            continue
        path = config.input_root / _filled(dep, config)
        # A stage over all models names the folder that holds an output of each.
        found += sorted(path.glob("[!.]*")) if any(out.startswith(f"{dep}/") for out in outs) else [path]
    return [Held(path) for path in found if path.exists() and path.suffix != BESIDE]


def outputs(config: StageConfig) -> list[Held]:
    """What the run leaves to DVC, with its stage's; nothing where it writes elsewhere, by hand or as a sweep's job."""
    if config.output_root != Path():
        return []
    outs = stage_entry(config.stage)["outs"]
    found = [Path(_filled(out, config)) for out in outs]
    return [Held(path) for path in found if path.exists() and path.suffix != BESIDE]


def artifact(held: Held) -> Any:
    """W&B's artifact of an output: a reference, without bytes."""
    import wandb
    from wandb.sdk.artifacts.artifact_manifest_entry import ArtifactManifestEntry
    from wandb.sdk.lib.paths import LogicalPath

    made = wandb.Artifact(held.name, held.kind, metadata={"md5": held.md5})
    # `add_reference` would warn that it cannot compute a checksum, which is known here.
    path = LogicalPath(held.path)
    made.manifest.add_entry(ArtifactManifestEntry(path=path, ref=held.reference, digest=held.md5))
    return made


def _filled(path: str, config: StageConfig) -> str:
    return re.sub(r"\$\{item\.(\w+)\}", lambda key: str(getattr(config, key.group(1))), path)


def stage_entry(stage: str) -> dict[str, Any]:
    """What dvc.yaml says of a stage, with an empty matrix where it has none."""
    return {"matrix": {}, "params": [], "deps": [], "outs": [], **_graph(GRAPH_FILE.resolve())[stage]}


@cache
def _graph(path: Path) -> dict[str, dict[str, Any]]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]


@cache  # the outputs of earlier stages, which several runs of one process read, do not change under it
def _md5(path: Path) -> str:
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    listed = [{"md5": _md5(path / name), "relpath": name} for name in names]
    return f"{hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest()}.dir"
