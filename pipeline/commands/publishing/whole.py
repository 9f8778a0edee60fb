"""Whether what was sent to a Weights & Biases server is there: `wandb sync` may lose some of a run without a word."""

import json
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.commands.publishing.found import found

TRIES, PAUSE = 4, 3.0  # a server takes seconds to count what it has just been sent
STATES = {0: "finished"}  # by exit code; every other one has failed


@dataclass(frozen=True)
class Sent:
    """What the file of a run in `wandb/` holds, and a server should have."""

    folder: Path
    name: str
    state: str | None
    """None of a run that was killed, or still works."""
    steps: int
    """Lines of its history."""
    summary: frozenset[str]
    artifacts: tuple[str, ...]
    """Each by name and alias."""

    @property
    def id(self) -> str:
        """By which the server knows it."""
        return self.folder.name.rpartition("-")[2]


def broken_runs(runs: Sequence[Path], *, entity: str, project: str) -> dict[str, str]:
    """By folder what the server lacks of a run, in words; asked again for some seconds before it is said.

    Raises:
        InputError: if the server cannot be asked.
    """
    import wandb

    left = [read_sent(run) for run in runs if any(run.glob("run-*.wandb"))]
    lacking: dict[str, str] = {}
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE)
        api = wandb.Api()  # a new one, as it remembers what it was told
        lacking = {str(one.folder): why for one in left if (why := _lacks(api, one, f"{entity}/{project}"))}
        left = [one for one in left if str(one.folder) in lacking]
        if not left:
            break
    return lacking


def send_again(folders: Sequence[str], *, entity: str, project: str) -> str:
    """The command that sends runs once more, those that count as sent, too."""
    place = ["--entity", entity, "--project", project]
    return shlex.join(["wandb", "sync", "--include-synced", "--include-online", *place, *folders])


def read_sent(folder: Path) -> Sent:
    """What the run's file holds, by wandb's own reader."""
    (file,) = folder.glob("run-*.wandb")
    (whole,) = _inspected(file, "--summary")
    records = [*_inspected(file)]
    codes = [record["exit"].get("exit_code", 0) for record in records if record["type"] == "exit"]
    logged = [record["artifact"] for record in records if record["type"] == "artifact"]
    return Sent(
        folder,
        whole.get("name") or folder.name,
        STATES.get(codes[-1], "failed") if codes else None,
        sum(record["type"] == "history" for record in records),
        frozenset(name for name in whole.get("summary", {}) if not name.startswith("_")),
        tuple(f"{one['name']}:{_alias(one)}" for one in logged),
    )


def _alias(artifact: Mapping[str, Any]) -> str:
    """That of its content, if it has one: `latest` may be of another run by now."""
    return next((alias for alias in artifact.get("aliases", []) if alias != "latest"), "latest")


def _inspected(file: Path, *options: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects that it prints: a record a line, or one over several."""
    from wandb.util import get_core_path

    command = [get_core_path(), "leet", "inspect", "--no-observability", "--json", *options]
    command += ["--run-file", str(file.resolve()), str(file.parent.parent)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    yield from map(json.loads, [text] if options else text.splitlines())


def _lacks(api: Any, sent: Sent, project: str) -> str | None:
    """What the server lacks of a run; None if it has all."""
    run = found(api.run, f"{project}/{sent.id}")
    if run is None:
        return f"{sent.name} is not there"
    summary = {name for name, _ in run.summary_metrics.items()}
    lines = run._attrs.get("historyLineCount") or 0
    lost = [
        f"its state is {run.state}, not {sent.state}" if sent.state not in (None, run.state) else None,
        f"{lines} of {sent.steps} history steps" if lines < sent.steps else None,
        *(f"no summary of {name}" for name in sorted(sent.summary - summary)),
        *(f"no artifact {name}" for name in sent.artifacts if found(api.artifact, f"{project}/{name}") is None),
    ]
    said = [*filter(None, lost)]
    more = f" and {len(said) - 3} more" if len(said) > 3 else ""
    return f"{sent.name}: {', '.join(said[:3])}{more}" if said else None
