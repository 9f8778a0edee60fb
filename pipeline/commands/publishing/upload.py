"""Runs from `wandb/` to a Weights & Biases server, and their inputs, which cannot be linked offline."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from pipeline.commands.publishing.found import found
from pipeline.errors import InputError
from pipeline.tracking.tracking import ONE_RUN
from pipeline.tracking.tracking_mode import require_login

LINKED = "linked"  # a file in the folder of a run of which every input is linked


def log_in(entity: str | None) -> str:
    """Whose runs they will be: `entity`, or the owner of the key.

    Raises:
        InputError: without a key, or a server that takes it within seconds.
    """
    for name in [*os.environ]:
        if name.startswith((*ONE_RUN, "WANDB_MODE")):  # tracking may be off, but this is asked for
            del os.environ[name]
    import wandb

    settings = wandb.setup(wandb.Settings(silent=True)).settings
    try:
        known = wandb.login(prompt=False, verify=False)
        if known:
            require_login(settings.base_url, wandb.setup().settings.api_key)
    # Whatever W&B's client, a server or what stands between make of it.
    except Exception as error:
        raise InputError(f"nothing is uploaded: {' '.join(str(error).split())}") from None
    if not known:
        raise InputError("nothing is uploaded: W&B knows no key; give it one with: wandb login")
    owner = entity or wandb.Api().default_entity
    if not owner:
        raise InputError("nothing is uploaded: the key has no default entity; give one with --entity")
    return owner


def upload(runs: Iterable[Path], *, entity: str, project: str) -> int:
    """Upload the offline runs that have not been, by `wandb sync`; how many.

    Raises:
        InputError: if some are not uploaded.
    """
    waiting = [run for run in runs if run.name.startswith("offline-") and not _is_synced(run)]
    if not waiting:
        return 0
    place = ["--entity", entity, "--project", project]
    command = [sys.executable, "-m", "wandb", "sync", *place, *map(str, waiting)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if left := [run for run in waiting if not _is_synced(run)]:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"{len(left)} of {len(waiting)} runs are not uploaded ({said}); see: wandb sync {left[0]}")
    return len(waiting)


def _is_synced(run: Path) -> bool:
    return any(run.glob("*.wandb.synced"))


def link(runs: Sequence[Path], *, entity: str, project: str) -> tuple[int, list[str]]:
    """Tell the server what every run has read, by the names that its config lists; how many, and those not found.

    A run that the server does not know, as one that was deleted there, has nothing to link.
    """
    import wandb

    waiting = [run for run in runs if not (run / LINKED).exists()]
    if not waiting:
        return 0, []
    api, linked, missing = wandb.Api(), 0, dict[str, None]()
    find = cache(found)
    for folder in waiting:
        run = find(api.run, f"{entity}/{project}/{folder.name.rpartition('-')[2]}")
        names: list[str] = run.config.get("inputs", []) if run else []
        for name in names:
            artifact = find(api.artifact, f"{entity}/{project}/{name}")
            if artifact is None:
                missing[name] = None
            else:
                run.use_artifact(artifact)
                linked += 1
        if not missing.keys() & {*names}:
            (folder / LINKED).touch()
    return linked, [*missing]
