"""What git says of the source: its commit, and whether what runs differs from it."""

from __future__ import annotations

import subprocess

from pipeline.values.paths import SOURCE

WHERE = ("attattr", "pipeline", "conf", "dvc.yaml", "requirements.lock", "requirements.model.lock")


def commit() -> str | None:
    """The commit that is checked out; None outside of git."""
    return _git("rev-parse", "HEAD")


def changed() -> bool | None:
    """Whether the code or the values of stages differ from the commit; None outside of git."""
    said = _git("status", "--porcelain", "--", *WHERE)
    return None if said is None else bool(said)


def _git(*arguments: str) -> str | None:
    """What a git command says in the repository."""
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return None
    return None if done.returncode else done.stdout.strip()
