"""How far a long loop has come, how fast, and how long still: one line on a terminal, and nothing elsewhere.

What takes less than three seconds is not shown. A terminal has one bar at a time, of whichever process and loop drew
first: bars of models that run at once, or of a loop within a loop, would write over each other.
"""

import fcntl
import os
import sys
from collections.abc import Collection, Iterator
from threading import RLock
from typing import Any, TypeVar

from tqdm import tqdm

DELAY = 3.0  # seconds
FORMAT = "{desc} {percentage:3.0f} % |{bar}| {n_fmt}/{total_fmt}, {rate_noinv_fmt}, {remaining} left{postfix}"

Item = TypeVar("Item")

_shown: "list[Bar]" = []


class Bar(tqdm):  # pyright: ignore[reportMissingTypeArgument] (generic in its stubs alone)
    """A bar that waits until no other one is on the terminal."""

    monitor_interval = 0  # no thread that looks after bars that stand still
    _terminal: int | None = None

    # Its stubs know no value; `close` asks for it.
    def display(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, msg: str | None = None, pos: int | None = None
    ) -> bool:
        """Draw the bar, or wipe it out, if it has the terminal or can have it; and say whether it has."""
        if self._terminal is None:
            self._terminal = _take_terminal()
        return self._terminal is not None and bool(super().display(msg, pos))

    def close(self) -> None:
        """Wipe the bar out, and leave the terminal to others."""
        super().close()
        if self._terminal is not None:
            fcntl.flock(self._terminal, fcntl.LOCK_UN)  # for processes that were forked meanwhile, too
            os.close(self._terminal)
            self._terminal = None
        if self in _shown:
            _shown.remove(self)


Bar.set_lock(RLock())  # of this process; tqdm's own would be a semaphore of the system


def progress(items: Collection[Item], *, description: str, unit: str = "examples") -> Iterator[Item]:
    """The items, with a bar over them."""
    with bar(total=len(items), description=description, unit=unit) as drawn:
        for item in items:
            yield item
            drawn.update()


def bar(*, total: int, description: str, unit: str = "examples", done: int = 0) -> Bar:
    """A bar to be moved by `update(n)`, and closed; `done` is what an earlier run has done of `total`."""
    how: dict[str, Any] = {"disable": None, "leave": False, "delay": DELAY, "position": 0, "dynamic_ncols": True}
    how |= {"bar_format": FORMAT, "unit": f" {unit}", "miniters": 1, "file": sys.stderr}
    drawn = Bar(total=total, desc=description, initial=done, **how)
    _shown.append(drawn)
    return drawn


def end_bars() -> None:
    """Wipe out what an exception has left on the terminal, before anything is said about it."""
    for drawn in [*_shown]:
        drawn.close()


def _take_terminal() -> int | None:
    """A lock on the terminal, in the form of an open file; None while another bar has it."""
    try:
        terminal = os.open(os.ttyname(sys.stderr.fileno()), os.O_WRONLY | os.O_NOCTTY)
    except OSError:  # without a name, as in some containers: nothing to agree on
        return os.open(os.devnull, os.O_WRONLY)
    try:
        fcntl.flock(terminal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(terminal)
        return None
    return terminal
