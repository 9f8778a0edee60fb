"""Which commit is checked out, and whether what runs differs from it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.values import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`commit(file, text)` in an empty repository, which stands for the source."""
    monkeypatch.setattr(git, "SOURCE", tmp_path)
    who = {f"GIT_{role}_{part}": "someone" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}

    def run(*arguments: str) -> str:
        command = ["git", *arguments]
        environment = {**os.environ, **who}
        done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(name: str, text: str) -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        run("add", name)
        run("commit", "-q", "-m", name)
        return run("rev-parse", "HEAD")

    run("init", "-q")
    return commit


def test_an_edit_of_what_runs_is_said_and_one_of_results_is_not(repository, tmp_path: Path) -> None:
    first = repository("pipeline/report.py", "1")
    assert git.commit() == first
    assert git.changed() is False
    (tmp_path / "dvc.lock").write_text("a lock")
    assert git.changed() is False
    (tmp_path / "pipeline/report.py").write_text("2")
    assert git.changed() is True
    second = repository("pipeline/report.py", "2")
    assert git.commit() == second != first
    assert git.changed() is False


def test_outside_of_git_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "SOURCE", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git.commit() is git.changed() is None
