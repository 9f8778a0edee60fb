"""Processes of DVC, several at once: started, waited for, and ended with all that they have started."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from pipeline.launch.places import VISIBLE, Places
from pipeline.launch.signals import GRACE, LEADER

PERIOD = 0.05  # seconds
CHUNK = 1 << 16  # bytes
PATIENCE = 8.0  # seconds beyond GRACE: more than DVC's process, which waits for its stage, takes for itself

Process = subprocess.Popen[bytes]


class Listener(Protocol):
    """Who is told what processes write."""

    def hear(self, name: str, line: str) -> None:
        """The next line of the process of this name, without its end."""

    def tick(self) -> None:
        """A moment has passed."""


def run_dvc(
    jobs: Mapping[str, Sequence[str]],
    *,
    at_once: int,
    variables: Mapping[str, str],
    places: Places,
    lock: int,
    forks: bool,
    listener: Listener,
) -> Iterator[tuple[str, int]]:
    """Run DVC with each job's arguments; the name and the exit code of each, as it ends.

    Each is in a session of its own, so that Ctrl-C reaches this process alone; Ctrl-Z stops them all.

    Args:
        jobs: the arguments by name, in the order in which they are started.
        at_once: how many at the same time.
        variables: of their environment, beside this process's.
        places: the GPUs that they take, one each.
        lock: an open file which they keep open until they have ended.
        forks: whether their stages may be forks of a process that has imported packages (`launch.preloaded`).
        listener: hears every line that they and their stages write.
    """
    waiting, running, outputs = list(jobs), dict[str, Process](), dict[str, _Output]()
    try:
        with _stopped_together(running):
            while waiting or running:
                while waiting and len(running) < at_once:
                    name = waiting.pop(0)
                    shown = places.take(name)
                    running[name] = _start(jobs[name], {**variables, **shown}, lock, forks)
                    outputs[name] = _Output(running[name])
                    if shown:
                        listener.hear(name, f"GPU {shown[VISIBLE]}")
                time.sleep(PERIOD)
                listener.tick()
                for name, process in [*running.items()]:
                    ended = process.poll() is not None
                    if ended and process.returncode < 0:  # killed: its stage may be left
                        _end([process])
                    for line in outputs[name].lines(ended=ended):
                        listener.hear(name, line)
                    if ended:
                        del running[name]
                        places.give_back(name)
                        yield name, process.returncode
    finally:
        _end([*running.values()])


def _start(arguments: Sequence[str], variables: Mapping[str, str], lock: int, forks: bool) -> Process:
    own = str(os.getpid())
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.commands.running.dvc", own, str(int(forks)), *arguments],
        env={**os.environ, **variables, LEADER: own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # one after the other, as they were written
        pass_fds=[lock],
        start_new_session=True,
    )


class _Output:
    """What a process and those that it starts write, read without waiting for more."""

    def __init__(self, process: Process) -> None:
        self._file = process.stdout
        self._begun = b""
        if self._file is not None:
            os.set_blocking(self._file.fileno(), False)

    def lines(self, *, ended: bool) -> Iterator[str]:
        """The lines since it was last asked; of a process that has `ended` the last one, too, without its end."""
        if self._file is None:
            return
        while part := self._read(self._file.fileno()):
            *whole, self._begun = (self._begun + part).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)
        if ended:
            if self._begun:
                yield self._begun.decode(errors="replace")
            self._file.close()

    @staticmethod
    def _read(file: int) -> bytes:
        try:
            return os.read(file, CHUNK)
        except BlockingIOError:
            return b""


def _end(processes: Sequence[Process]) -> None:
    """Ask them and all that they have started to end, wait, and kill what is left."""
    _send(processes, signal.SIGTERM)
    deadline = time.monotonic() + GRACE + PATIENCE
    while any(map(_is_there, processes)) and time.monotonic() < deadline:
        time.sleep(PERIOD)
    _send(processes, signal.SIGKILL)


def _is_there(process: Process) -> bool:
    """Whether it, or one of its group, runs."""
    process.poll()  # one that has ended would count until it is asked
    return _signalled(process, 0)


def _send(processes: Iterable[Process], number: int) -> None:
    for process in processes:
        _signalled(process, number)


def _signalled(process: Process, number: int) -> bool:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS permits nothing where only exit codes are left
        return False
    return True


@contextmanager
def _stopped_together(running: Mapping[str, Process]) -> Iterator[None]:
    """Within it, Ctrl-Z stops the processes, too, and `fg` lets them go on."""

    def stop(number: int, _: FrameType | None) -> None:
        _send(running.values(), signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)  # goes on here once there is a SIGCONT
        _send(running.values(), signal.SIGCONT)

    before = signal.signal(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)
