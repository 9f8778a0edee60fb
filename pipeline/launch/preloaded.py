"""Stages without the seconds of their imports: forks of a process that has made them once, for one process of DVC.

Packages alone are imported there, none of the project's modules: a stage runs the code that is there when it starts.
The process that DVC starts for a stage hands over what it was started with, waits, and ends as the fork ends.

Run: python -m pipeline.launch.preloaded FILE_DESCRIPTOR
"""

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from pipeline.launch.signals import SIGNALS

ADDRESS = "ATTATTR_PRELOADED"
"""The variable with the path of the socket of the process that forks."""
PACKAGES = (
    "pandas",
    "pyarrow.parquet",
    "hydra.core.config_store",
    "torch",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bert.tokenization_bert",
    "pytorch_lightning",
)
PERIOD = 0.01  # seconds


@contextmanager
def preloaded() -> Iterator[None]:
    """Within it the stages that this process's children start are forks; the imports are made when the first starts.

    Nothing changes outside of Linux, where such forks are not safe, or where TMPDIR is too long for a socket's path.
    """
    with tempfile.TemporaryDirectory(prefix="attattr-") as folder:
        address = str(Path(folder, "socket"))
        forking = _start(address) if sys.platform == "linux" else None
        if forking is None:
            yield
            return
        os.environ[ADDRESS] = address
        try:
            yield
        finally:
            del os.environ[ADDRESS]
            forking.terminate()
            forking.wait()


def _start(address: str) -> "subprocess.Popen[bytes] | None":
    """The process that forks for who connects to `address`, which may be too long for a socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(address)
        except OSError:
            return None
        listener.listen()
        number = listener.fileno()
        return subprocess.Popen([sys.executable, "-m", "pipeline.launch.preloaded", str(number)], pass_fds=[number])


def hand_over() -> None:
    """Let this process, a stage that has just been started, be run by a fork, and end as that ends.

    Returns where there is none that forks: the stage then runs in this process. SIGINT and SIGTERM are passed on, as
    SIGTERM.
    """
    address, module = os.environ.pop(ADDRESS, None), sys.modules["__main__"].__spec__
    if address is None or module is None:
        return
    received: list[int] = []
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
        except OSError:  # it has ended
            return
        before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in SIGNALS}
        known = {"module": module.name, "arguments": sys.argv, "path": sys.path, "folder": str(Path.cwd())}
        socket.send_fds(connection, [b"\0"], [0, 1, 2])
        connection.sendall(json.dumps(known | {"environment": dict(os.environ)}).encode() + b"\n")
        status = _status_of_fork(connection, received)
    if status is not None:
        _end_as(status)
    for number, handler in before.items():
        signal.signal(number, handler)


def _status_of_fork(connection: socket.socket, received: Sequence[int]) -> int | None:
    """How the fork has ended, as `os.waitpid` has it; None if there was none, as packages could not be imported."""
    with connection.makefile() as answers:
        fork = int(answers.readline() or 0)
        if not fork:
            return signal.SIGTERM if received else None
        for number in SIGNALS:
            signal.signal(number, lambda *_: os.kill(fork, signal.SIGTERM))
        if received:
            os.kill(fork, signal.SIGTERM)
        return int(answers.readline() or signal.SIGKILL)  # who forks was killed, and its fork ends after it


def _end_as(status: int) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def main() -> None:
    """Fork for every stage that connects, one after the other, until SIGTERM, or the end of who started this."""
    listener, parent, ending = socket.socket(fileno=int(sys.argv[1])), os.getppid(), list[int]()
    for number in SIGNALS:
        signal.signal(number, lambda number, _: ending.append(number))
    listener.settimeout(PERIOD)
    while not ending and os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            connection.settimeout(None)
            _, files, _, _ = socket.recv_fds(connection, 1, 3)
            with connection.makefile() as asked:
                known = json.loads(asked.readline())
            for name in PACKAGES:
                importlib.import_module(name)
            gc.freeze()  # what the collector touches a fork would copy
            fork = os.fork()
            if fork:
                _wait(fork, connection, parent)
        if not fork:
            listener.close()
            _become(known, files)
            return
        for file in files:
            os.close(file)


def _wait(fork: int, connection: socket.socket, parent: int) -> None:
    """Tell the stage that waits how its fork ends; end the fork where nobody waits any more."""
    connection.sendall(f"{fork}\n".encode())
    told = False
    while os.waitid(os.P_PID, fork, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if not told and (os.getppid() != parent or _has_left(connection)):
            told = True
            os.kill(fork, signal.SIGTERM)
        time.sleep(PERIOD)
    _, status = os.waitpid(fork, 0)
    with suppress(OSError):  # it has left
        connection.sendall(f"{status}\n".encode())


def _has_left(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _become(known: dict[str, Any], files: Sequence[int]) -> None:
    """Run what the stage would have run, as itself: with its arguments, folder, variables, and streams."""
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    os.chdir(known["folder"])
    os.environ.clear()
    os.environ.update(known["environment"])
    sys.argv, sys.path = known["arguments"], known["path"]
    runpy.run_module(known["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
