"""SIGINT and SIGTERM end a command within one batch, with one line and exit code 128 + signal."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 10.0  # seconds to close what is open, such as a run of W&B
LEADER = "ATTATTR_LEADER"
"""The variable that names the process (by its id) whose part this one is; that one says how both were stopped."""


class Stopped(BaseException):
    """The process shall end. No KeyboardInterrupt, which libraries treat on their own: Lightning exits with 1."""


def _end_children() -> None:
    children, deadline = multiprocessing.active_children(), time.monotonic() + GRACE / 2
    for child in children:
        child.terminate()
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
        child.kill()


def exit_on_signal(
    work: Callable[[], None], *, end_children: Callable[[], None] = _end_children, patience: float = 0.0
) -> None:
    """Call `work`, and end the process where SIGINT or SIGTERM comes within the call, and its children with it.

    The main thread gets a `Stopped`, which unwinds whatever it does as an error would. Other handlers that are
    installed meanwhile have to call the one they replace, as Lightning's do. Of a process that another one started the
    latter has to say how it ended; nothing is written here. No context manager, as a signal may come just outside its
    block, where it would be nobody's.
    """
    if threading.current_thread() is not threading.main_thread():
        work()  # signals are the main thread's
        return
    process, received, closed = os.getpid(), list[int](), True

    def stop(number: int, _: FrameType | None) -> None:
        if os.getpid() != process:  # a fork, as DataLoader's: nothing to unwind
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif not received:
            received.append(number)
            # Code of others may swallow the exception, or hang while it is unwound.
            signal.setitimer(signal.ITIMER_REAL, GRACE + patience)
            if not closed:
                raise Stopped
        elif number == signal.SIGINT:  # by a person who does not want to wait
            _end_at_once(received[0])

    handlers = {signal.SIGALRM: signal.signal(signal.SIGALRM, lambda *_: _end_at_once(received[0]))}
    handlers |= {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        try:
            closed = False  # a signal outside cuts nothing off, least of all what is done about one
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # a job's process starts with them held back
            if not received:
                work()
        finally:
            closed = True
    except BaseException:
        # The signal comes first: what it cut off may have ended in another error.
        if not received:
            raise
    finally:
        if received:
            end_children()
        for number in SIGNALS:
            signal.signal(number, handlers[number])
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handlers[signal.SIGALRM])
    if received:
        _say(received[0])
        sys.exit(128 + received[0])


def came_of_stop(error: BaseException) -> bool:
    """Whether `error` was raised while a `Stopped` was unwound, as by a library that cannot tidy up halfway."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Stopped):
            return True
        cause = cause.__context__
    return False


def signal_name(exit_code: int) -> str | None:
    """The signal that ended a process with this exit code (as `multiprocessing` gives it), None if it was none."""
    number = exit_code - 128 if exit_code > 128 else -exit_code
    return signal.Signals(number).name if number in {*signal.Signals} else None


def _say(number: int) -> None:
    if multiprocessing.parent_process() is None and LEADER not in os.environ:
        name = signal.Signals(number).name
        sys.stderr.write(f"error: stopped by {name}; run the same command again to go on\n")
        sys.stderr.flush()


def _end_at_once(number: int) -> NoReturn:
    for child in multiprocessing.active_children():
        child.kill()
    _say(number)
    os._exit(128 + number)
