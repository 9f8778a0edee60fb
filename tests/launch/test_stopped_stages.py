"""Real stages that are stopped in the middle of their work: how they end, and that the next run goes on from there."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch

from pipeline.launch.sweep_jobs import read_jobs
from pipeline.values.params import dump_params
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params

TINY = (
    "preset=mini_full",
    "seeds=[1]",
    "tasks=[negation]",
    "data.n_train=60",
    "data.n_dev=20",
    "model.layers=2",
    "model.heads=2",
    "model.hidden=16",
    "model.intermediate=16",
    "prepare.n_importance=10",
    "prepare.n_heldout=5",
    "finetune.epochs=2",
    "attribute.steps=2",
    "attribute.n_mine=5",
    "triggers.n_select=3",
    "triggers.hotflip_batch=2",
)
ONE = ("task=negation", "seed=1")
Start = Callable[..., "subprocess.Popen[str]"]


def environment(stage: str, **variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "DVC_STAGE": stage, **variables}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a dvc.yaml, tiny values, and what `prepare` and `finetune` leave."""
    folder = tmp_path_factory.mktemp("repository")
    shutil.copy(SOURCE / "dvc.yaml", folder)
    (folder / "params.yaml").write_text(dump_params(compose_params(TINY), header="A test's."))
    for stage, arguments in (("prepare", ONE), ("finetune", ONE)):
        command = [sys.executable, "-m", f"pipeline.{stage}", *arguments, "run.tracking.mode=disabled"]
        done = subprocess.run(command, cwd=folder, env=environment(stage), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (folder / f"{stage}.said").write_text(done.stdout + done.stderr)
    return folder


@pytest.fixture
def start(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """`start(stage, *arguments)`: a stage under DVC's variables, in a copy of the repository and a group of its own."""
    folder = tmp_path / "repository"
    shutil.copytree(prepared, folder)
    monkeypatch.chdir(folder)
    started: list[subprocess.Popen[str]] = []

    def start(stage: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", f"pipeline.{stage}", *arguments]
        process = subprocess.Popen(
            command, env=environment(stage, **variables), stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(pattern: str, process: "subprocess.Popen[str]", *, until: Callable[[], bool] = lambda: True) -> None:
    deadline = time.monotonic() + 100
    while not (list(Path().glob(pattern)) and until()):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_stopped(process: "subprocess.Popen[str]", number: int) -> None:
    said = process.communicate(timeout=100)[1]
    assert process.returncode == 128 + number, said
    line = f"error: stopped by {signal.Signals(number).name}; run the same command again to go on"
    assert said.splitlines()[-1] == line
    assert said.count("stopped by") == 1
    assert "Traceback" not in said


def epoch() -> int:
    (path,) = Path(".work").glob("finetune-*/*/last.ckpt")
    return torch.load(path, weights_only=True)["epoch"]


def test_a_pipe_gets_the_stages_own_lines_and_no_bars_or_notes_of_libraries(start: Start) -> None:
    said = start("attribute", *ONE, "run.tracking.mode=disabled").communicate()[1] + Path("finetune.said").read_text()
    assert len(said.splitlines()) >= 2
    for line in said.splitlines():
        assert re.match(r"\d\d:\d\d:\d\d (INFO|WARNING) (__main__|pipeline\.)", line), line
    assert Path("prepare.said").read_text() == ""


@pytest.mark.slow
def test_finetune_ends_within_its_training_and_resumes(start: Start) -> None:
    number = signal.SIGTERM
    arguments = (*ONE, "finetune.epochs=100000", "run.tracking.mode=disabled")
    process = start("finetune", *arguments)
    wait_for(".work/finetune-*/*/last.ckpt", process)
    process.send_signal(number)
    assert_stopped(process, number)
    before = epoch()
    process = start("finetune", *arguments)
    wait_for(".work/finetune-*/*/last.ckpt", process, until=lambda: epoch() > before)
    process.send_signal(number)
    assert_stopped(process, number)


@pytest.mark.slow
def test_a_finetune_that_fails_after_its_training_is_not_trained_again(start: Start) -> None:
    for path in (Path("outputs/models"), Path("outputs/predictions")):
        shutil.rmtree(path)
    process = start("finetune", *ONE, "finetune.epochs=3", "run.tracking.mode=disabled")
    # The folder can be written when the training begins, and not when it has ended.
    wait_for(".work/finetune-*/*/last.ckpt", process)
    shutil.rmtree("outputs/predictions", ignore_errors=True)
    Path("outputs/predictions").write_text("in the way")
    process.communicate(timeout=100)
    assert process.returncode not in (0, None)
    assert list(Path().glob(".work/finetune-*/*/last.ckpt"))
    assert epoch() == 2
    Path("outputs/predictions").unlink()
    (last,) = Path(".work").glob("finetune-*/*/last.ckpt")
    written = last.stat().st_mtime_ns
    process = start("finetune", *ONE, "finetune.epochs=3", "run.tracking.mode=disabled")
    deadline = time.monotonic() + 100
    while process.poll() is None:
        assert time.monotonic() < deadline
        assert not last.is_file() or last.stat().st_mtime_ns == written, "an epoch was trained again"
        time.sleep(0.005)
    assert process.returncode == 0, process.communicate()[1]
    assert Path("outputs/predictions/negation-1.parquet").is_file()
    assert not list(Path(".work").glob("finetune-*"))


SLOW = (*ONE, "attribute.steps=100", "run.token_budget=1", "run.tracking.mode=disabled")
TWO = ("run.trainer.devices=2", "run.trainer.strategy=ddp_spawn")


def finished_jobs() -> set[Path]:
    return set(Path().glob(".work/attribute-*/*/job-*.parquet"))


@pytest.mark.slow
def test_attribute_ends_within_its_batches_and_resumes(start: Start) -> None:
    process = start("attribute", *SLOW)
    wait_for(".work/attribute-*/*/job-*.parquet", process)
    process.terminate()
    assert_stopped(process, signal.SIGTERM)
    done = finished_jobs()
    assert 0 < len(done) < 35
    again = start("attribute", *SLOW)
    said = again.communicate(timeout=100)[1]
    assert again.returncode == 0, said
    assert f"resuming: {len(done)} of 35 batches are done" in said
    assert Path("outputs/attributions/negation-1/heads.parquet").is_file()
    assert not list(Path(".work").glob("attribute-*"))


@pytest.mark.slow
def test_attribute_in_two_processes_ends_with_both_and_one_that_is_killed_is_named(start: Start) -> None:
    process = start("attribute", *SLOW, *TWO)
    wait_for(".work/attribute-*/*/job-*.parquet", process)
    workers = spawned(process)
    process.terminate()
    assert_stopped(process, signal.SIGTERM)
    assert not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers)
    before = finished_jobs()
    assert 0 < len(before) < 35
    process = start("attribute", *SLOW, *TWO)
    wait_for(".work/attribute-*/*/job-*.parquet", process, until=lambda: finished_jobs() > before)
    os.kill(spawned(process)[1], signal.SIGKILL)
    said = process.communicate(timeout=100)[1]
    assert process.returncode == 2, said
    assert said.splitlines()[-1].startswith("error: a process of attribution was ended by SIGKILL; with fewer run.")
    assert "Traceback" not in said


def spawned(process: "subprocess.Popen[str]") -> list[int]:
    """The two processes that Lightning started, in the order of their ranks."""
    children = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
    workers = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(workers) == 2
    return workers


def test_a_measuring_stage_ends_within_its_loop(start: Start) -> None:
    long = (*ONE, "convergence.reference_steps=1000", "convergence.n_examples=20", "run.token_budget=1")
    process = start("convergence", "-m", *long, "run.tracking.mode=disabled")
    wait_for("sweeps/convergence/*/*/job.json", process)
    os.killpg(process.pid, signal.SIGINT)
    assert_stopped(process, signal.SIGINT)


@pytest.mark.slow
def test_a_sweep_of_trainings_ends_and_resumes(start: Start) -> None:
    arguments = ("-m", *ONE, "finetune.lr=0.001,0.002,0.003", "finetune.epochs=100000", "jobs_at_once=2")
    process = start("finetune", *arguments, "run.tracking.mode=disabled")
    wait_for(".work/sweeps", process, until=lambda: len(list(Path(".work/sweeps").rglob("last.ckpt"))) == 2)
    os.killpg(process.pid, signal.SIGINT)
    assert_stopped(process, signal.SIGINT)
    assert {job.status for job in read_jobs(Path("sweeps/finetune/finetune.lr"))} == {"unfinished"}


def sums() -> str:
    return Path("outputs/attributions/negation-1/SHA256SUMS").read_text()


def torchrun(node: int, port: int) -> "subprocess.Popen[str]":
    """One of two machines, as far as torchrun can tell, with two processes."""
    where = ("--nnodes=2", "--nproc-per-node=2", f"--node-rank={node}", "--master-addr=127.0.0.1")
    command = [sys.executable, "-m", "torch.distributed.run", *where, f"--master-port={port}"]
    command += ["-m", "pipeline.attribute", *SLOW, "run.trainer.strategy=torchrun"]
    return subprocess.Popen(
        command, env=environment("attribute"), stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def slurm(rank: int, port: int) -> dict[str, str]:
    """What SLURM tells one of three processes on a machine."""
    job = {"JOB_NAME": "x", "JOB_ID": "7", "NODELIST": "127.0.0.1", "NNODES": "1", "NODEID": "0"}
    tasks = {"NTASKS": "3", "NTASKS_PER_NODE": "3", "PROCID": str(rank), "LOCALID": str(rank)}
    return {f"SLURM_{name}": value for name, value in (job | tasks).items()} | {"MASTER_PORT": str(port)}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.slow
def test_attribute_over_machines_ends_with_a_process_that_dies_goes_on_with_others_and_writes_the_same(
    start: Start,
) -> None:
    assert start("attribute", *SLOW).communicate(timeout=100)[1] is not None
    alone = sums()
    shutil.rmtree("outputs/attributions")
    port = free_port()
    nodes = [torchrun(node, port) for node in (0, 1)]
    try:
        wait_for(".work/attribute-*/*/job-*.parquet", nodes[0], until=lambda: len(finished_jobs()) > 2)
        victim = next(one for one in psutil.Process(nodes[1].pid).children() if "attribute" in " ".join(one.cmdline()))
        victim.kill()
        said = [node.communicate(timeout=100)[1] for node in nodes]
        assert all(node.returncode for node in nodes)
    finally:
        for node in nodes:
            if node.poll() is None:
                os.killpg(node.pid, signal.SIGKILL)
    assert "error: another process of attribution has ended before its work was done; the same" in said[0], said[0]
    assert not Path("outputs/attributions").exists()
    done, port = finished_jobs(), free_port()
    assert 2 < len(done) < 35
    tasks = [start("attribute", *SLOW, "run.trainer.strategy=slurm", **slurm(rank, port)) for rank in range(3)]
    first, *others = [task.communicate(timeout=100)[1] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0, 0], first
    assert f"resuming: {len(done)} of 35 batches are done" in first
    assert "3 processes: " in first
    assert not any("INFO" in said for said in others)
    assert sums() == alone
    assert not list(Path(".work").glob("attribute-*"))


def test_a_stage_that_no_launcher_has_started_is_refused(start: Start) -> None:
    for strategy in ("torchrun", "slurm"):
        process = start("attribute", *SLOW, f"run.trainer.strategy={strategy}")
        said = process.communicate(timeout=100)[1]
        assert process.returncode == 2
        assert len(said.splitlines()) == 1
        assert f"run.trainer.strategy is {strategy}, which has not started this process: " in said
