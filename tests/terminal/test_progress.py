"""Bars on a pseudo-terminal, and nowhere else."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from pipeline.terminal import progress as module
from pipeline.terminal.progress import Bar, bar, end_bars, progress
from pipeline.values.paths import SOURCE

Seen = Callable[[], str]
COLUMNS = 80


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """Standard error is a terminal, and bars are drawn at once; `terminal()` is what it has been sent since."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    eager(monkeypatch)

    with os.fdopen(theirs, "w", encoding="utf-8") as stream:

        def seen() -> str:
            # The system hands over what is written when it has the time: what precedes a mark has come with it.
            stream.write("\0")
            stream.flush()
            text = b""
            while not text.endswith(b"\0"):
                text += os.read(ours, 100_000)
            return text[:-1].decode()

        # Of the module alone, as pytest sets its own again after this.
        monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=stream))
        yield seen
        end_bars()
    os.close(ours)


def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw at once, and at every step."""
    monkeypatch.setattr(module, "DELAY", 1e-9)
    monkeypatch.setattr(module, "Bar", lambda **how: Bar(**how | {"mininterval": 0}))


def drawn(text: str) -> list[str]:
    return [line for line in text.split("\r") if line.strip()]


def test_a_bar_says_how_far_how_fast_and_how_long_still(terminal: Seen) -> None:
    lines = []
    for _ in progress(range(4), description="count", unit="numbers"):
        lines += drawn(terminal())
    assert re.match(r"count  25 % \|.*\| 1/4, +[\d.]+ numbers/s, 00:00 left", lines[0])
    assert all(len(line) < COLUMNS for line in lines)


def test_it_leaves_an_empty_line_and_the_cursor_at_its_beginning(terminal: Seen) -> None:
    assert list(progress([1, 2], description="count")) == [1, 2]
    *_, blank, end = terminal().split("\r")
    assert blank
    assert not blank.strip()
    assert end == ""


def test_nothing_has_a_colour(terminal: Seen) -> None:
    list(progress(range(3), description="count"))
    assert "\x1b" not in terminal()


def test_what_takes_less_than_three_seconds_is_not_shown(terminal: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAY", 3.0)
    list(progress(range(3), description="count"))
    assert terminal() == ""


def test_a_pipe_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    eager(monkeypatch)
    pipe = io.StringIO()
    monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=pipe))
    list(progress(range(3), description="count"))
    assert pipe.getvalue() == ""


def test_a_terminal_has_one_bar_at_a_time(terminal: Seen) -> None:
    first, second = bar(total=9, description="first"), bar(total=9, description="second")
    first.update()
    second.update()
    assert "second" not in terminal()
    first.close()
    second.update()
    assert "second" in terminal()


def test_a_bar_of_another_process_is_waited_for_too(terminal: Seen) -> None:
    name = os.ttyname(module.sys.stderr.fileno())
    code = (
        "import fcntl, os, sys\n"
        f"file = os.open({name!r}, os.O_WRONLY | os.O_NOCTTY)\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], cwd=SOURCE, text=True, **pipes) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        own = bar(total=9, description="own")
        own.update()
        assert terminal() == ""
        other.communicate()
    own.update()
    assert "own" in terminal()


def test_an_exception_leaves_no_bar_once_bars_are_ended(terminal: Seen) -> None:
    def work() -> None:
        for number in progress(range(9), description="count"):
            if number == 2:
                raise RuntimeError

    with pytest.raises(RuntimeError) as raised:  # whose traceback holds on to the loop
        work()
    assert "count" in terminal()
    end_bars()
    assert raised.value
    assert not drawn(terminal())
    following = bar(total=9, description="following")
    following.update()
    assert "following" in terminal()


def test_what_an_earlier_run_has_done_counts(terminal: Seen) -> None:
    with bar(total=4, done=2, description="resumed") as resumed:
        resumed.update()
        assert "3/4" in terminal()
