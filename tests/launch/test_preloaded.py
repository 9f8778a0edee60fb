"""Stages that are forks of a process with imported packages: what they are given, how they end, and with whom."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from run_by_hand import until

from pipeline.launch import preloaded
from pipeline.values.paths import SOURCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere stages are no forks")

# What it was given, and what was imported when it began; then it ends as it is told to.
STAGE = """
import json, os, sys, time
from pathlib import Path
from pipeline.launch.preloaded import hand_over

hand_over()
known = {
    "arguments": sys.argv,
    "folder": os.getcwd(),
    "variables": dict(os.environ),
    "read": sys.stdin.read(),
    "main": sys.modules["__main__"].__spec__.name,
    "is main": sys.modules["__main__"].__dict__ is globals(),
    "project": sorted(name for name in sys.modules if name.split(".")[0] in ("attattr", "pipeline")),
    "packages": sorted({"torch", "transformers", "pytorch_lightning", "pandas"} & {*sys.modules}),
}
print(json.dumps(known), flush=True)
print("said", file=sys.stderr, flush=True)
Path("works").write_text(str(os.getpid()))
if sys.argv[1] == "wait":
    time.sleep(300)
elif sys.argv[1] == "die":
    os.kill(os.getpid(), int(sys.argv[2]))
elif sys.argv[1] == "raise":
    raise LookupError(sys.argv[2])
sys.exit(int(sys.argv[2]))
"""
OWN = ["pipeline", "pipeline.launch", "pipeline.launch.preloaded", "pipeline.launch.signals"]
Process = subprocess.Popen[str]
Start = Callable[..., Process]


@pytest.fixture(scope="module", autouse=True)
def forks() -> Iterator[None]:
    """One process that forks, for all tests: its imports take seconds."""
    with preloaded.preloaded():
        yield


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """`start(*arguments, **variables)`: the stage above, in another folder than the process that forks."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made_stage.py").write_text(STAGE)
    started: list[Process] = []

    def start(*arguments: str, **variables: str) -> Process:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, tmp_path))), **variables}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, "-m", "made_stage", *arguments]
        process = subprocess.Popen(command, env=environment, text=True, **pipes)  # type: ignore[call-overload]
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


def ends(process: Process, given: str = "") -> tuple[int, dict[str, Any], str]:
    """Its exit code, what it knew, and what it wrote to stderr."""
    out, said = process.communicate(given, timeout=100)
    return process.returncode, json.loads(out), said


def worker(process: Process) -> psutil.Process:
    """The process in which the stage works, once it does."""
    assert process.stdin
    process.stdin.close()
    until(lambda: Path("works").is_file() and Path("works").read_text())
    return psutil.Process(int(Path("works").read_text()))


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_fork_is_given_what_the_stage_was_started_with_and_has_packages_but_no_code_of_the_project(
    start: Start, tmp_path: Path
) -> None:
    code, known, said = ends(start("end", "7", "a b", MINE="\udcff x"), given="typed\n")
    assert (code, said) == (7, "said\n")
    assert known["arguments"] == [str(tmp_path / "made_stage.py"), "end", "7", "a b"]
    assert (known["folder"], known["read"]) == (str(tmp_path), "typed\n")
    assert known["variables"]["MINE"] == "\udcff x"
    assert preloaded.ADDRESS not in known["variables"]
    assert (known["main"], known["is main"]) == ("made_stage", True)
    assert known["packages"] == ["pandas", "pytorch_lightning", "torch", "transformers"]
    assert known["project"] == OWN


def test_a_fork_runs_the_code_that_is_there_when_the_stage_starts(start: Start) -> None:
    assert ends(start("end", "0"))[0] == 0
    Path("made_stage.py").write_text(STAGE.replace("sys.exit(int(sys.argv[2]))", "sys.exit(3)"))
    assert ends(start("end", "0"))[0] == 3


def test_an_exception_keeps_its_traceback(start: Start) -> None:
    code, _, said = ends(start("raise", "nothing here"))
    assert code == 1
    assert said.splitlines()[-1] == "LookupError: nothing here"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_the_stage_ends_by_the_signal_that_ended_its_fork(start: Start, number: signal.Signals) -> None:
    assert ends(start("die", str(int(number))))[0] == -number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_stage_ends_its_fork(start: Start, number: signal.Signals) -> None:
    process = start("wait")
    fork = worker(process)
    assert fork.pid != process.pid
    process.send_signal(number)
    assert process.wait(timeout=50) == -signal.SIGTERM
    assert is_gone(fork)


def test_the_fork_of_a_stage_that_was_killed_ends_and_the_next_stage_runs(start: Start) -> None:
    process = start("wait")
    fork = worker(process)
    process.kill()
    until(lambda: is_gone(fork))
    Path("works").unlink()
    assert ends(start("end", "4"))[0] == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_fork_ends_with_the_process_that_wanted_forks(start: Start, number: signal.Signals) -> None:
    code = """
import os, signal, subprocess, sys
from pipeline.launch.preloaded import preloaded
from pipeline.launch.signals import exit_on_signal
os.environ.pop("ATTATTR_PRELOADED")
def work():
    with preloaded():
        subprocess.run([sys.executable, "-m", "made_stage", "wait"], stdin=subprocess.DEVNULL)
exit_on_signal(work)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (SOURCE, Path.cwd())))}
    folder = Path("temporary")
    folder.mkdir()
    first = subprocess.Popen([sys.executable, "-c", code], env=environment | {"TMPDIR": str(folder.absolute())})
    until(lambda: Path("works").is_file() and Path("works").read_text())
    fork = psutil.Process(int(Path("works").read_text()))
    forking = fork.parent()
    assert forking
    assert first.pid == forking.ppid()
    first.send_signal(number)
    first.wait(timeout=50)
    until(lambda: is_gone(fork) and is_gone(forking))
    if number == signal.SIGTERM:
        assert not [*folder.glob("attattr-*")]


def test_a_stage_is_itself_where_there_is_no_process_that_forks(start: Start, tmp_path: Path) -> None:
    process = start("end", "5", **{preloaded.ADDRESS: str(tmp_path / "nothing")})
    code, known, _ = ends(process)
    assert (code, known["packages"]) == (5, [])
    assert int(Path("works").read_text()) == process.pid


def test_a_stage_is_itself_where_packages_cannot_be_imported(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pandas.py").write_text("raise ImportError('broken')")
    monkeypatch.delenv(preloaded.ADDRESS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (SOURCE, tmp_path))))
    with preloaded.preloaded():
        process = start("end", "8")
        assert ends(process)[0] == 8
    assert int(Path("works").read_text()) == process.pid


def test_no_process_forks_where_the_socket_can_have_no_name(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.delenv(preloaded.ADDRESS)
    with preloaded.preloaded():
        assert preloaded.ADDRESS not in os.environ
        process = start("end", "6")
        assert ends(process)[0] == 6
        assert int(Path("works").read_text()) == process.pid
    assert not [*deep.glob("attattr-*")]
