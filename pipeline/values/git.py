"""What git says of the source: its commit, and whether what runs differs from it."""

from __future__ import annotations

import subprocess

from pipeline.values.paths import SOURCE

WHERE = ("attattr", "pipeline", "conf", "dvc.yaml", "requirements.lock", "requirements.model.lock")


def git(*arguments: str) -> str | None:
    """What a git command says in the repository; None outside of git."""
    try:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout.strip()


def changed() -> bool | None:
    """Whether the code or the values of stages differ from the commit; None outside of git."""
    said = git("status", "--porcelain", "--", *WHERE)
    return None if said is None else bool(said)


def last_change() -> str | None:
    """The last commit that changed code or presets, `commit 0a1b2c3 of 2026-12-01`; None outside of git.

    Commits of results, tests and pages alone do not move it, so that a report stays the same over them.
    """
    said = git("log", "-1", "--abbrev=7", "--format=%h of %cs", "--", *WHERE)
    if not said:
        return None
    return f"commit {said}" + (", changed since" if changed() else "")
