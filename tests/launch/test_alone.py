"""Two runs that write to one place, and what a killed one left there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import InputError
from pipeline.launch import alone as module
from pipeline.launch.alone import alone
from pipeline.values.config import StageConfig
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params
from pipeline.values.targets import fresh_beside, hidden_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

HOLD = """
import sys, time
from pathlib import Path
from pipeline.launch.alone import alone
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params
with alone(StageConfig(compose_params(["preset=mini"]), stage="prune", declared=frozenset(), task="negation", seed=1)):
    Path("held").touch()
    time.sleep(300)
"""
LOCK = Path(".work/prune-negation-1.lock")


def config(task: str = "negation", **place: Path) -> StageConfig:
    values = compose_params(["preset=mini"])
    return StageConfig(values, stage="prune", declared=frozenset(), task=task, seed=1, **place)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_bytes((SOURCE / "dvc.yaml").read_bytes())


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the place of `config()`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], env={**os.environ, "PYTHONPATH": str(SOURCE)})
    while not Path("held").exists():
        assert process.poll() is None
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait()


def test_a_second_run_is_refused_by_name_and_one_elsewhere_is_not(
    other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.3)
    line = rf"^prune negation-1 is being run by process {other.pid} in this folder already: wait until it has ended, or"
    with pytest.raises(InputError, match=line), alone(config()):
        pytest.fail("two at once")
    with alone(config("inference")), alone(config(output_root=Path("scratch"))):
        pass
    assert LOCK.exists()


def test_it_waits_for_one_that_ends(other: subprocess.Popen[bytes]) -> None:
    other.kill()
    with alone(config()):
        assert LOCK.read_text() == f"{os.getpid()}\n"
    assert not Path(".work").exists()


def test_a_run_after_a_kill_removes_what_was_half_written_and_nothing_else() -> None:
    folder = Path("outputs/prune/negation-1")
    folder.mkdir(parents=True)
    kept = [folder / "outcomes.parquet", folder / ".own", Path("outputs/prune/.inference-1"), Path("outputs/prune/x")]
    for path in kept:
        path.write_text("kept")
    another = Path("outputs/prune/inference-1")
    left = [hidden_beside(path) for path in (folder, folder / "outcomes.parquet")]
    left[0].mkdir()
    (left[0] / "model.safetensors").write_text("half")
    left[1].write_text("half")
    with fresh_beside(another) as (in_use, _):
        with alone(config()):
            assert not [path for path in left if path.exists()]
            assert all(path.read_text() == "kept" for path in kept)
        assert in_use.exists()
