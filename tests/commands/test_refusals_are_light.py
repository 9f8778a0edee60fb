"""What can be refused without torch is refused before torch is imported, which takes seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.values.paths import SOURCE

HEAVY = ("torch", "transformers", "pytorch_lightning", "matplotlib", "wandb")
REFUSED = [
    ("commands.compose", "preset=nope"),
    ("commands.explain", "x", "--model", "/nowhere"),
    ("commands.explain", "x", "--model", "nowhere"),
    ("commands.explain", "--file", "/nowhere"),
    ("commands.export", "--task", "nope", "--rate", "0.5", "/nowhere/new"),
    ("commands.export", "--task", "negation", "--rate", "2", "new"),
    ("commands.pool_results", "/nowhere"),
    ("commands.redraw", "group", "docs"),
    ("commands.replicate", "results/mini", "preset=mini_full", "task=negation", "seed=1"),
    ("commands.sweep_summary", "/nowhere"),
    ("commands.verify_results", "/nowhere"),
    ("finetune", "task=nope", "seed=1"),
    ("attribute", "task=negation", "seed=1", "attribute.steps=many"),
]


@pytest.fixture(scope="module")
def without_heavy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which none of them can be imported."""
    folder = tmp_path_factory.mktemp("heavy")
    for name in HEAVY:
        (folder / f"{name}.py").write_text("raise SystemExit('heavy')\n")
    return {**os.environ, "PYTHONPATH": str(folder), "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)}


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_bad_input_is_one_line_without_them(without_heavy: dict[str, str], arguments: tuple[str, ...]) -> None:
    module, *rest = arguments
    command = [sys.executable, "-m", f"pipeline.{module}", *rest]
    done = subprocess.run(command, cwd=SOURCE, env=without_heavy, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert not Path(SOURCE / "new").exists()
