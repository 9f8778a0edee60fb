"""A repository with two models and stages of a moment, run by real processes of DVC."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_by_hand import Start, processes

from pipeline.values.paths import SOURCE

GRAPH = """\
stages:
  source:
    cmd: mkdir -p outputs/source && cp code outputs/source/
    deps: [code]
    outs: [outputs/source]
  one:
    matrix: {task: "${tasks}", seed: "${seeds}"}
    cmd: python work.py one ${item.task}-${item.seed}
    params: [prepare]
    deps: [outputs/source/code]
    outs: ["outputs/one/${item.task}-${item.seed}"]
  two:
    matrix: {task: "${tasks}", seed: "${seeds}"}
    cmd: python work.py two ${item.task}-${item.seed}
    params: [prune]
    deps: ["outputs/one/${item.task}-${item.seed}"]
    outs: ["outputs/two/${item.task}-${item.seed}"]
  tables:
    cmd: mkdir -p outputs/tables && (echo claim,statement,verdict && cat outputs/two/*) > outputs/tables/claims.csv
    deps: [outputs/two]
    outs: [outputs/tables]
"""
# It waits where it is told to, and leaves what it was started with.
WORK = r"""
import os, sys, time
from pathlib import Path

stage, model = sys.argv[1:]
Path(f"ran-{stage}-{model}").write_text(os.environ.get("OMP_NUM_THREADS", "-"))
Path(f"gpu-{stage}-{model}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "-"))
while Path(f"wait-{stage}").exists():
    time.sleep(0.02)
Path(f"outputs/{stage}").mkdir(parents=True, exist_ok=True)
Path(f"outputs/{stage}/{model}").write_text(f"T1,{model},open\n")
"""


@pytest.fixture
def toy(workspace: Path) -> Path:
    """The working directory; nothing has been run yet."""
    Path("dvc.yaml").write_text(GRAPH)
    Path("work.py").write_text(WORK)
    Path("code").write_text("1")
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n    no_scm = true\n    check_update = false\n")
    return workspace


@pytest.fixture
def start(toy: Path) -> Iterator[Start]:
    """`start(*arguments, before="", **variables)`: `repro` in a process of its own, in a group of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, before: str = "", **variables: str) -> "subprocess.Popen[str]":
        code = f"{before}\nimport sys\nfrom pipeline.commands.repro import main\nmain(sys.argv[1:])"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "MAKELEVEL")}
        environment |= {"PYTHONPATH": str(SOURCE), "PATH": path, **variables}
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in [*started, *processes(toy)]:
        process.kill()
