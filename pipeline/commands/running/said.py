"""What DVC and the stages say, line by line: which stage has begun or is done, and what a person has to see at once."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

LAST = 20  # lines that are shown of a stage that failed without a word

BEGUN = re.compile(r"Running stage '(.+)':$")
LEFT_OUT = re.compile(r"Stage '(.+)' (?:didn't change, skipping|(is cached) - skipping run, checking out outputs)$")
FAILED = "ERROR: failed to reproduce"
# DVC's on every run: they end what is shown.
NOTES = ("> ", "Updating lock file ", "To track the changes ", "\tgit add ")
NOTES += ("To enable auto staging", "\tdvc config core", "Use `dvc push` ")
LOGGED = re.compile(r"\d\d:\d\d:\d\d (?P<level>[A-Z]+) (?P<logger>[\w.]+): ")
OWN = ("__main__", "pipeline", "attattr")
# What the lines after it belong to.
FATAL = re.compile(r"Traceback \(most recent call last\):|Fatal Python error|(?i:error): ")

Kind = Literal["begun", "unchanged", "cached", "said", "shown"]


@dataclass(frozen=True)
class Event:
    """One line: that a stage has begun, or need not; or a line that somebody said, to be shown or not."""

    kind: Kind
    stage: str | None
    """As DVC names it, such as `prune@rte-1`; None where it is DVC's own line before any."""
    line: str


@dataclass
class Reader:
    """Reads the output of one process of DVC, which runs one stage after the other."""

    stage: str | None = None
    _shows: bool = False
    _silent: bool = True
    _last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST))

    def read(self, line: str) -> Iterator[Event]:
        """What the next line says."""
        if begun := BEGUN.match(line):
            self.stage, self._shows, self._silent = begun.group(1), False, True
            self._last.clear()
            yield Event("begun", self.stage, line)
        elif left_out := LEFT_OUT.match(line):
            self._shows = False
            yield Event("cached" if left_out.group(2) else "unchanged", left_out.group(1), line)
        else:
            if line.startswith(FAILED) and self._silent:
                yield from (Event("shown", self.stage, held) for held in self._last)
            yield Event("shown" if self._is_shown(line) else "said", self.stage, line)

    def _is_shown(self, line: str) -> bool:
        """Whether it is a stage's own warning, or an error of anyone's, with all that belongs to it."""
        warns = line.startswith("WARNING: ")  # as DVC does
        if logged := LOGGED.match(line):
            self._shows = logged["level"] in ("ERROR", "CRITICAL")
            warns = logged["level"] == "WARNING" and logged["logger"].partition(".")[0] in OWN
        elif line.startswith(NOTES):
            self._shows = False
        elif FATAL.match(line):
            self._shows = True
        shown = bool(line.strip()) and (self._shows or warns)
        if shown and not line.startswith(FAILED):
            self._silent = False
        elif line.strip() and not line.startswith(NOTES):
            self._last.append(line)
        return shown
