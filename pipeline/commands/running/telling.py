"""What `make repro` says meanwhile: a line for each stage as it ends, what a person has to see, and a log of all."""

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

from pipeline.commands.running.estimate import about, counted, keep_seconds, known_seconds, seconds_of, time_left
from pipeline.commands.running.plan import item_of
from pipeline.commands.running.results import result
from pipeline.commands.running.said import Event, Reader
from pipeline.values.paths import OUTPUTS

if TYPE_CHECKING:
    from pipeline.values.schema import Params

LOG = OUTPUTS / "repro.log"
PERIOD = 1.0  # seconds from one line of what is running to the next
MINUTES = 600  # seconds, from which on a stage's time is said in minutes


@dataclass
class _Job:
    """A process of DVC: the stage that it runs, and since when."""

    reader: Reader = field(default_factory=Reader)
    stage: str | None = None
    begun: float = 0.0


@dataclass
class Telling:
    """Hears what the processes of DVC write, and says what it comes to."""

    log: TextIO
    everything: bool
    """Whether every line is shown, and not warnings and errors alone."""
    known: dict[str, float]
    """What stages take, in seconds."""
    result: Callable[[str], str | None]
    """What a stage has come to, in a few words."""
    at_once: int = 1
    _start: float = field(default_factory=lambda: time.monotonic())
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _waiting: list[str] = field(default_factory=list)
    _done: set[str] = field(default_factory=set)
    _width: int = 0
    _drawn: int = 0
    _drawn_at: float = 0.0

    def expect(self, stages: Collection[str], *, at_once: int) -> None:
        """Count on with what there is still to do; the first time say what it is."""
        first = not self._width
        self._waiting, self.at_once = [*stages], at_once
        self._done -= {*stages}
        self._width = max(self._width, *(len(_title(name)) for name in stages))
        if first:
            models = len({item for name in stages if (item := item_of(name))})
            seconds = time_left(stages, self.known, at_once=at_once)
            known = f"; {about(seconds)} by earlier runs" if seconds else ""
            many = f", of {min(at_once, models)} models at once" if min(at_once, models) > 1 else ""
            self.say(f"{counted(len(stages), 'stage')} to run{many}{known}. Their output: {LOG}")

    def hear(self, name: str, line: str) -> None:
        """Take in the next line of the process of this name."""
        job = self._jobs.setdefault(name, _Job())
        for event in job.reader.read(line):
            if event.kind in ("begun", "cached", "unchanged"):
                self._end(job, failed=False)
                self._turn(job, event)
            said = f"{_title(event.stage) if event.stage else name} | {event.line}"
            self._write(said)
            if self.everything or event.kind == "shown":
                self._erase()
                sys.stderr.write(f"{said}\n")
                sys.stderr.flush()

    def leave(self, name: str, *, failed: bool) -> None:
        """The process of this name has ended."""
        if job := self._jobs.pop(name, None):
            self._end(job, failed=failed)

    def tick(self) -> None:
        """On a terminal, show every second what is running."""
        now = time.monotonic()
        if now - self._drawn_at < PERIOD or not sys.stdout.isatty() or os.environ.get("TQDM_DISABLE"):
            return
        running = {job.stage: now - job.begun for job in self._jobs.values() if job.stage}
        parts = [f"{_title(stage)} {_seconds(taken).strip()}" for stage, taken in running.items()]
        left = time_left(self._waiting, self.known, at_once=self.at_once)
        if left:
            begun = sum(min(taken, seconds_of(stage, self.known) or 0.0) for stage, taken in running.items())
            parts.append(f"{about(max(1.0, left - begun / self.at_once))} left")
        said = ", ".join(parts) or "DVC looks at what is there"
        text = f"{self._number()}{_clock(now - self._start)}  {said}"[: get_terminal_size().columns - 1]
        self._erase()
        sys.stdout.write(text)
        sys.stdout.flush()
        self._drawn, self._drawn_at = len(text), now

    def say(self, line: str) -> None:
        """Print a line, and write it to the log."""
        self._erase()
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        self._write(line)

    def _turn(self, job: _Job, event: Event) -> None:
        """A stage begins, or need not."""
        stage = str(event.stage)
        if event.kind == "begun":
            job.stage, job.begun = stage, time.monotonic()
        elif event.kind == "cached":
            self._count(stage)
            self._tell(stage, "from DVC's cache")
        elif stage in self._waiting:
            self._count(stage)

    def _end(self, job: _Job, *, failed: bool) -> None:
        """The process's stage has ended, if it had begun one."""
        stage, taken = job.stage, time.monotonic() - job.begun
        job.stage = None
        if stage is None:
            return
        if failed:
            self._tell(stage, f"failed after {_seconds(taken).strip()}")
            return
        self._count(stage)
        self.known[stage] = taken
        keep_seconds({stage: taken})
        try:
            found = self.result(stage)
        except Exception as error:  # whatever it is, the stage itself has not failed
            found = None
            self._write(f"{_title(stage)} | no words for its result: {error!r}")
        self._tell(stage, _seconds(taken) + (f"  {found}" if found else ""))

    def _count(self, stage: str) -> None:
        if stage in self._waiting:
            self._waiting.remove(stage)
            self._done.add(stage)

    def _tell(self, stage: str, text: str) -> None:
        self.say(f"{self._number()}{_clock(time.monotonic() - self._start)}  {_title(stage):<{self._width}} {text}")

    def _number(self) -> str:
        """`[ 7/29] `; nothing before it is known how many there are."""
        total = len(self._done) + len(self._waiting)
        return f"[{len(self._done):>{len(str(total))}}/{total}] " if total else ""

    def _write(self, line: str) -> None:
        self.log.write(f"{line}\n")
        self.log.flush()

    def _erase(self) -> None:
        """Take what is running off the terminal."""
        if self._drawn:
            sys.stdout.write(f"\r{' ' * self._drawn}\r")
            sys.stdout.flush()
            self._drawn, self._drawn_at = 0, 0.0


@contextmanager
def telling(params: "Params") -> Iterator[Telling]:
    """Within it the log is open; it begins anew, and the terminal has no half line afterwards."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("w", encoding="utf-8") as log:
        everything = params.run.log_level == "DEBUG"
        told = Telling(log, everything, known_seconds(params), partial(result, params=params))
        try:
            yield told
        finally:
            told._erase()


def _title(stage: str) -> str:
    """`prune rte-1`, of DVC's `prune@rte-1`."""
    return stage.replace("@", " ")


def _clock(seconds: float) -> str:
    """`1:52`, `1:02:33`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _seconds(seconds: float) -> str:
    return f"{seconds:3.0f} s" if seconds < MINUTES else f"{seconds / 60:3.0f} min"
