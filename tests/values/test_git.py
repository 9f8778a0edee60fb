"""The commit that a report names: the last that changed code, whatever came after it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.values import git

DATE = "2026-01-02T12:00:00+00:00"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`commit(file, text)` in an empty repository, which stands for the source."""
    monkeypatch.setattr(git, "SOURCE", tmp_path)
    who = {f"GIT_{role}_{part}": "someone" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": DATE, "GIT_COMMITTER_DATE": DATE}

    def run(*arguments: str) -> str:
        command = ["git", *arguments]
        environment = {**os.environ, **who, **dates}
        done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(name: str, text: str) -> str:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        run("add", name)
        run("commit", "-q", "-m", name)
        return run("rev-parse", "HEAD")[:7]

    run("init", "-q")
    return commit


def test_commits_of_results_do_not_move_it_and_an_edit_is_said(repository, tmp_path: Path) -> None:
    first = repository("pipeline/report.py", "1")
    assert git.last_change() == f"commit {first} of 2026-01-02"
    repository("dvc.lock", "a lock")
    assert git.last_change() == f"commit {first} of 2026-01-02"
    (tmp_path / "pipeline/report.py").write_text("2")
    assert git.changed() is True
    assert git.last_change() == f"commit {first} of 2026-01-02, changed since"
    second = repository("pipeline/report.py", "2")
    assert second != first
    assert git.last_change() == f"commit {second} of 2026-01-02"


def test_outside_of_git_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "SOURCE", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git.last_change() is git.changed() is None
