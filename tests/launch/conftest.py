"""A stage run in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.launch.cli import run_stage
from pipeline.values.config import StageConfig


def stage(config: StageConfig) -> None:
    """Write a file, as a stage does."""
    path = config.output_root / "outputs" / config.stage / f"{config.label}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(config.prune.random_orders) if config.stage == "prune" else "")


@pytest.fixture
def run(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`run(stage, *arguments, main=<writes a file>)`: run a stage and return its exit code."""

    def run(name: str, *arguments: str, main: Callable[[StageConfig], None] = stage) -> int:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
        try:
            run_stage(name, main)
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    return run
