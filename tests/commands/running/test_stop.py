"""`repro` that is stopped: what it leaves running (nothing), what it says, and that the next run goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from run_by_hand import Start, ended, processes, ran, until

from pipeline.commands.running import alone, lock_file
from pipeline.errors import InputError

SAID = "error: stopped by {}; run the same command again to go on\n"


def both_work() -> bool:
    return len([*Path().glob("ran-two-*")]) == 2


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=SLOW), pytest.param(signal.SIGKILL, marks=SLOW)]
)
def test_dvc_and_its_stages_end_with_it_and_the_next_run_goes_on(
    toy: Path, start: Start, number: signal.Signals
) -> None:
    Path("wait-two").touch()
    process = start("2")
    until(both_work)
    left = processes(toy)
    assert len(left) >= 5  # it, two of DVC's, two stages
    process.send_signal(number)
    code, _, said = ended(process)
    if number != signal.SIGKILL:
        assert (code, said) == (128 + number, SAID.format(number.name))
        assert not processes(toy)
    ran()
    again = start("2")  # at once: what a killed one has left may still be ending
    until(lambda: not {one.pid for one in left} & {one.pid for one in processes(toy)})
    Path("wait-two").unlink()
    code, _, said = ended(again)
    assert (code, said) == (0, "")
    assert ran() == ["two-inference-1", "two-negation-1"]
    assert not processes(toy)


def test_an_interrupt_from_the_keyboard_is_one_line(toy: Path, start: Start) -> None:
    Path("wait-two").touch()
    process = start("2")
    until(both_work)
    os.killpg(process.pid, signal.SIGINT)
    code, _, said = ended(process)
    assert (code, said) == (130, SAID.format("SIGINT"))
    assert not processes(toy)


@SLOW
def test_it_ends_with_the_make_that_started_it(toy: Path, start: Start) -> None:
    caller = "import os, subprocess, sys; subprocess.call(sys.argv[1:], env={**os.environ, 'MAKELEVEL': '1'})"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    Path("wait-two").touch()
    command = [sys.executable, "-m", "pipeline.commands.repro", "2"]
    make = subprocess.Popen([sys.executable, "-c", caller, *command], env={**os.environ, "PATH": path})
    until(both_work)
    make.kill()
    make.wait()
    until(lambda: not processes(toy))


@SLOW
def test_a_dvc_that_is_killed_is_named_and_its_stage_ends(toy: Path, start: Start) -> None:
    Path("wait-two").touch()
    process = start("1")
    until(lambda: [*Path().glob("ran-two-*")])
    (dvc,) = (one for one in processes(toy) if "pipeline.commands.running.dvc" in one.cmdline())
    dvc.kill()
    Path("wait-two").unlink()
    code, _, said = ended(process)
    assert code == 1
    assert said.splitlines()[-1] == "error: stages of negation-1 (ended by SIGKILL) failed"
    assert not processes(toy)


def test_a_second_one_is_refused_and_says_why(toy: Path, start: Start) -> None:
    Path("wait-one").touch()
    first = start("1")
    until(lambda: [*Path().glob("ran-one-*")])
    code, _, said = ended(start("1"))
    assert code == 2
    assert said == f"error: another `make repro` runs here (process {first.pid}): wait for it, or stop it\n"


@pytest.fixture
def dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with DVC's folder."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("dvc")
def test_files_in_use_by_processes_that_are_no_more_are_forgotten() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    used = '{{"read": {{"/a": [{{"pid": {}, "cmd": "dvc repro"}}]}}, "write": {{}}}}'
    alone.forget_the_dead()
    for content in (used.format(gone.pid), '{"read": {"/a": [{"pid', "[]"):
        alone.RWLOCK.write_text(content)
        alone.forget_the_dead()
        assert not alone.RWLOCK.exists()
    alone.RWLOCK.write_text(used.format(os.getpid()))
    alone.forget_the_dead()
    assert alone.RWLOCK.exists()
    os.utime(alone.RWLOCK, (1e9, 1e9))  # before this process had its number
    alone.forget_the_dead()
    assert not alone.RWLOCK.exists()


# dvc.lock, cut off.


def entry(name: str, md5: str) -> str:
    return f"  {name}:\n    cmd: run\n    outs:\n    - path: outputs/{name}\n      hash: md5\n      md5: {md5}\n"


WHOLE = "schema: '2.0'\nstages:\n" + entry("one", "1" * 32) + entry("two@a-1", "2" * 32)


@pytest.mark.usefixtures("dvc")
def test_a_cut_file_is_replaced_by_the_last_whole_one_and_a_whole_one_never(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lock = lock_file.LOCK
    lock.write_text(WHOLE)
    lock_file.keep_lock_file()
    cut = 0
    for length in range(len(WHOLE)):
        lock.write_text(WHOLE[:length])
        lock_file.keep_lock_file()
        said = capsys.readouterr().err
        if said:
            cut += 1
            assert said == "dvc.lock was cut off when it was written: going on from the last whole one\n"
            assert lock.read_text() == WHOLE
            assert lock_file.CUT.read_text() == WHOLE[:length]
        else:  # at the end of a line: all that is there is right
            assert WHOLE[length - 1] == "\n"
            assert lock.read_text() == WHOLE[:length]
            lock.write_text(WHOLE)
            lock_file.keep_lock_file()
    assert cut > len(WHOLE) - WHOLE.count("\n")
    older = WHOLE.replace("2", "3").replace("schema: '3.0'", "schema: '2.0'")
    lock.write_text(older)  # as from `git checkout`
    lock_file.keep_lock_file()
    assert lock.read_text() == older
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("dvc")
def test_what_was_deleted_does_not_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    lock_file.LOCK.write_text(WHOLE)
    lock_file.keep_lock_file()
    lock_file.LOCK.unlink()
    lock_file.keep_lock_file()
    assert not lock_file.LOCK.exists()
    lock_file.LOCK.write_text("")
    lock_file.keep_lock_file()
    assert not lock_file.LOCK.exists()
    assert capsys.readouterr().err.startswith("dvc.lock was cut off when it was written: going on without it")


@pytest.mark.usefixtures("dvc")
def test_conflicts_are_left_to_the_user() -> None:
    lock_file.LOCK.write_text(WHOLE)
    lock_file.keep_lock_file()
    conflict = WHOLE.replace("  two", "<<<<<<< HEAD\n  two") + "=======\n>>>>>>> theirs\n"
    lock_file.LOCK.write_text(conflict)
    with pytest.raises(InputError, match="has conflicts"):
        lock_file.keep_lock_file()
    assert lock_file.LOCK.read_text() == conflict


@SLOW
def test_a_run_goes_on_from_the_last_whole_one(start: Start) -> None:
    assert ended(start("2"))[0] == 0
    ran()
    whole = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(whole[:-30])
    code, out, said = ended(start("2"))
    assert (code, said) == (0, "dvc.lock was cut off when it was written: going on from the last whole one\n")
    assert "up to date" in out
    assert Path("dvc.lock").read_text() == whole
    assert not ran()
