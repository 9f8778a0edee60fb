"""Several models at once: which stages are theirs, and what is said of one that fails."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.commands import repro

ROOT = Path(__file__).resolve().parents[2]


def test_the_stages_of_a_model_read_no_other_models_outputs() -> None:
    stages = repro.own_stages(ROOT / "dvc.yaml")
    assert stages == [
        "prepare",
        "finetune",
        "attribute",
        "effectiveness",
        "prune",
        "tree",
        "view",
        "triggers",
        "convergence",
        "truth",
        "shortcut",
    ]  # `universality` reads the importance of all models, `planted_paths` has models of its own
    assert repro.targets("rte-2", stages)[:2] == ["prepare@rte-2", "finetune@rte-2"]


@pytest.mark.usefixtures("workspace")
def test_every_model_runs_once_with_its_share_of_the_threads(monkeypatch: pytest.MonkeyPatch, exit_code) -> None:
    shutil.copy(ROOT / "dvc.yaml", ".")
    calls: list[tuple[list[str], str]] = []

    def run(command: list[str], *, env: dict[str, str], check: bool) -> "subprocess.CompletedProcess[str]":
        calls.append((command, env["OMP_NUM_THREADS"]))
        return subprocess.CompletedProcess(command, int("finetune@inference-1" in command and not check))

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(repro.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(repro.subprocess, "run", run)
    with pytest.raises(SystemExit, match="stages of inference-1 failed"):
        repro.main(["2"])
    assert {threads for _, threads in calls} == {"4"}
    assert all(command[2:5] == ["dvc", "--wait-for-lock", "repro"] for command, _ in calls)
    first = sorted(command[5] for command, _ in calls)
    assert first == ["prepare@inference-1", "prepare@negation-1"]
    assert exit_code(repro.main, ["0"]) == 2
