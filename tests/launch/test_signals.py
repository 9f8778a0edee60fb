"""SIGINT and SIGTERM to real processes: how they end, what they say, what they leave running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from pipeline.launch.signals import exit_on_signal, signal_name
from pipeline.launch.sweep_jobs import read_jobs
from pipeline.values.paths import SOURCE

STAGE = """\
import multiprocessing, os, sys, time
from pathlib import Path
from pipeline.launch import signals
from pipeline.launch.cli import run_stage

signals.GRACE = float(os.environ.get("GRACE", 60))

def note(name):
    Path(name).write_text(str(os.getpid()))

def child():
    note("child")
    time.sleep(300)

def main(config):
    orders = config.prune.random_orders
    note(f"started-{orders}")
    if orders == 20:
        return
    if orders == 24:
        multiprocessing.get_context("spawn").Process(target=child).start()
        while not Path("child").exists():
            time.sleep(0.01)
    note(f"works-{orders}")
    while not Path("released").exists():
        try:
            time.sleep(0.01)
        except BaseException:
            if orders == 21:  # as a library that cleans up and fails in it
                raise RuntimeError("cut off") from None
            if orders != 22:  # as a library that goes on
                raise
    note(f"ended-{orders}")

if __name__ == "__main__":
    run_stage("prune", main)
"""
SAID = {
    signal.SIGTERM: "error: stopped by SIGTERM; run the same command again to go on\n",
    signal.SIGINT: "error: stopped by SIGINT; run the same command again to go on\n",
}
QUIET = ("run.log_level=WARNING", "task=negation", "seed=1")
ORDERS = Path("sweeps/prune/prune.random_orders")
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(workspace: Path) -> Iterator[Start]:
    """`start(*arguments)`: the stage above, in a process group of its own, which is gone after the test."""
    Path("stage.py").write_text(STAGE)
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "stage.py", *arguments, *QUIET]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(*names: str) -> list[int]:
    """Until the files are there; the process ids in them."""
    deadline = time.monotonic() + 50
    while not all(Path(name).exists() and Path(name).read_text() for name in names):
        assert time.monotonic() < deadline, names
        time.sleep(0.01)
    return [int(Path(name).read_text()) for name in names]


def ends(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said = process.communicate(timeout=50)[1]
    return process.returncode, said


def runs(pid: int) -> bool:
    """Whether a process is there that is more than its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def statuses() -> dict[str, str]:
    return {job.overrides["prune.random_orders"]: job.status for job in read_jobs(ORDERS)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stage_ends_with_one_line_and_128_plus_the_signal(start: Start, number: signal.Signals) -> None:
    process = start("prune.random_orders=23")
    wait_for("works-23")
    process.send_signal(number)
    assert ends(process) == (128 + number, SAID[number])
    assert not Path("ended-23").exists()


def test_an_error_that_the_signal_brought_about_is_not_shown_in_its_place(start: Start) -> None:
    process = start("prune.random_orders=21")
    wait_for("works-21")
    process.terminate()
    assert ends(process) == (143, SAID[signal.SIGTERM])


def test_code_that_goes_on_in_spite_of_the_signal_is_ended(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRACE", "0.5")
    process = start("prune.random_orders=22")
    wait_for("works-22")
    process.terminate()
    assert ends(process) == (143, SAID[signal.SIGTERM])
    assert not Path("ended-22").exists()


def test_a_second_interrupt_does_not_wait(start: Start) -> None:
    process = start("prune.random_orders=22")
    wait_for("works-22")
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.send_signal(signal.SIGINT)
    assert ends(process) == (130, SAID[signal.SIGINT])


def test_the_processes_that_a_stage_started_end_with_it(start: Start) -> None:
    process = start("prune.random_orders=24")
    (child, _) = wait_for("child", "works-24")
    process.terminate()
    assert ends(process) == (143, SAID[signal.SIGTERM])
    assert not runs(child)


def test_imports_are_cut_off_too(start: Start, workspace: Path) -> None:
    """The stage's own imports are done in a moment; those of the command line take seconds."""
    (workspace / "hydra.py").write_text(
        "import time\nfrom pathlib import Path\nPath('imports').write_text('0')\ntime.sleep(300)\n"
    )
    process = start("prune.random_orders=23")
    wait_for("imports")
    process.send_signal(signal.SIGINT)
    assert ends(process) == (130, SAID[signal.SIGINT])


def test_a_signal_that_was_ignored_when_the_stage_started_ends_it_too(start: Start) -> None:
    """As SIGINT is for what a shell starts in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = start("prune.random_orders=23")
    finally:
        signal.signal(signal.SIGINT, before)
    wait_for("works-23")
    process.send_signal(signal.SIGINT)
    assert ends(process) == (130, SAID[signal.SIGINT])


def test_the_handlers_of_before_are_back_afterwards() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    within: list[object] = []
    exit_on_signal(lambda: within.extend(signal.getsignal(number) for number in numbers))
    assert within
    assert not {*within} & {*before}
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_signal_at_any_line_is_the_calls_or_its_callers(capsys: pytest.CaptureFixture[str]) -> None:
    code, handed_on, ended = exit_on_signal.__code__, list[int](), list[tuple[int, object]]()
    line, sent = 0, list[int]()

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., object] | None:
        if frame.f_code is not code:
            return None
        if event == "line" and frame.f_lineno == line and not sent:
            sent.append(line)
            os.kill(os.getpid(), signal.SIGINT)
        return trace

    before, tracer = signal.signal(signal.SIGINT, lambda *_: handed_on.append(line)), sys.gettrace()
    try:
        for line in sorted({number for _, _, number in code.co_lines() if number}):
            sent.clear()
            sys.settrace(trace)
            try:
                exit_on_signal(int)
            except SystemExit as end:
                ended.append((line, end.code))
            finally:
                sys.settrace(tracer)
            assert capsys.readouterr().err == (SAID[signal.SIGINT] if (line, 130) in ended else "")
            assert (line in handed_on) + ((line, 130) in ended) == len(sent)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(ended) > 5
    assert len(handed_on) > 5


def test_exit_codes_tell_the_signal() -> None:
    assert [signal_name(code) for code in (-9, 137, -15, 143, 130)] == [
        "SIGKILL",
        "SIGKILL",
        "SIGTERM",
        "SIGTERM",
        "SIGINT",
    ]
    assert [signal_name(code) for code in (0, 1, 2, 128, 255)] == [None] * 5


@pytest.mark.usefixtures("start")
def test_a_stage_ends_with_the_dvc_that_started_it() -> None:
    """DVC ends at once where it alone gets the signal; its shell has made way for the stage, as bash and zsh do."""
    command = f"exec {sys.executable} stage.py prune.random_orders=23 {' '.join(QUIET)}"
    caller = "import subprocess, sys; subprocess.call(sys.argv[1], shell=True)"
    variables = {**os.environ, "PYTHONPATH": str(SOURCE), "DVC_STAGE": "prune@negation-1"}
    dvc = subprocess.Popen([sys.executable, "-c", caller, command], env=variables)
    (stage,) = wait_for("works-23")
    dvc.terminate()
    dvc.wait(timeout=50)
    _until(lambda: not runs(stage), seconds=50)
    assert not Path("ended-23").exists()


@pytest.mark.usefixtures("start")
def test_a_stage_by_hand_outlives_its_shell() -> None:
    command = [sys.executable, "stage.py", "prune.random_orders=23", *QUIET]
    caller = "import subprocess, sys; subprocess.Popen(sys.argv[1:])"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    subprocess.run([sys.executable, "-c", caller, *command], env=environment, check=True)
    (stage,) = wait_for("works-23")
    with pytest.raises(TimeoutError):
        _until(lambda: not runs(stage), seconds=1.5)
    Path("released").touch()
    _until(lambda: not runs(stage), seconds=50)
    assert Path("ended-23").exists()


def _until(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


# Sweeps.


@pytest.mark.parametrize(("launcher", "number"), [("processes", signal.SIGTERM), ("serial", signal.SIGINT)])
def test_a_sweep_ends_with_all_its_jobs_and_one_line(start: Start, launcher: str, number: signal.Signals) -> None:
    arguments = ("-m", "prune.random_orders=20,23,25,26", f"launcher={launcher}", "jobs_at_once=2")
    process = start(*arguments)
    jobs = wait_for("works-23", "works-25") if launcher == "processes" else wait_for("works-23")
    process.send_signal(number)
    assert ends(process) == (128 + number, SAID[number])
    assert not any(runs(job) for job in jobs)
    assert statuses() == {"20": "finished", **dict.fromkeys(("23", "25", "26"), "unfinished")}
    # And goes on where it was.
    Path("started-20").unlink()
    Path("released").touch()
    assert ends(start(*arguments))[0] == 0
    assert not Path("started-20").exists()
    assert set(statuses().values()) == {"finished"}


def test_an_interrupt_from_the_keyboard_reaches_every_process_and_is_one_line(start: Start) -> None:
    process = start("-m", "prune.random_orders=23,25,26", "jobs_at_once=2")
    jobs = wait_for("works-23", "works-25")
    os.killpg(process.pid, signal.SIGINT)
    assert ends(process) == (130, SAID[signal.SIGINT])
    assert not any(runs(job) for job in jobs)


def test_an_error_that_the_signal_brought_about_fails_no_job(start: Start) -> None:
    process = start("-m", "prune.random_orders=21,20", "jobs_at_once=1")
    wait_for("works-21")
    os.killpg(process.pid, signal.SIGINT)
    assert ends(process) == (130, SAID[signal.SIGINT])
    assert statuses() == dict.fromkeys(("21", "20"), "unfinished")


def test_an_interrupt_while_a_job_starts_is_one_line(start: Start) -> None:
    process = start("-m", "prune.random_orders=20,23", "jobs_at_once=1")
    wait_for("started-20")  # its process is about to end, and that of the next to begin
    os.killpg(process.pid, signal.SIGINT)
    assert ends(process) == (130, SAID[signal.SIGINT])


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_job_that_is_killed_is_named_and_the_others_finish(start: Start, number: signal.Signals) -> None:
    process = start("-m", "prune.random_orders=23,25,26,20", "jobs_at_once=2")
    killed, _ = wait_for("works-23", "works-25")
    os.kill(killed, number)
    wait_for("works-26")  # in its place
    Path("released").touch()
    code, said = ends(process)
    hint = ": does the memory suffice for so many jobs at once (jobs_at_once=1)?" if number == signal.SIGKILL else ""
    reason = f"its process was ended by {number.name}{hint}"
    lines = [line for line in said.splitlines() if " INFO " not in line]
    assert (code, lines) == (1, [f"error: task=negation,seed=1,random_orders=23 failed: {reason}"])
    assert statuses() == {"23": "failed", **dict.fromkeys(("25", "26", "20"), "finished")}


def test_the_jobs_of_a_sweep_that_was_killed_end_too(start: Start) -> None:
    process = start("-m", "prune.random_orders=23,25", "jobs_at_once=2")
    jobs = wait_for("works-23", "works-25")
    process.kill()
    process.wait(timeout=100)
    deadline = time.monotonic() + 50
    while any(runs(job) for job in jobs):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert set(statuses().values()) == {"unfinished"}


def test_a_job_keeps_its_earlier_result_until_it_has_another(start: Start) -> None:
    folder, arguments = ORDERS / "task=negation,seed=1,random_orders=23", ("-m", "prune.random_orders=23,20")
    Path("released").touch()
    assert ends(start(*arguments))[0] == 0
    (folder / "result").write_text("of hours")
    for name in ("released", "works-23"):
        Path(name).unlink()
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("n_eval: 100", "n_eval: 90"))
    process = start(*arguments)
    wait_for("works-23")
    process.terminate()
    assert ends(process)[0] == 143
    assert (folder / "result").read_text() == "of hours"
    Path("released").touch()
    assert ends(start(*arguments))[0] == 0
    assert {path.name for path in folder.iterdir()} == {"job.json", "params.yaml"}
    assert not list(ORDERS.glob(".task*"))
