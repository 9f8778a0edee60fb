"""Steps of a long experiment: each is done once, also where a run is cut off and started again.

An experiment is deterministic, so it comes to the same steps in the same order whenever it is run. What a step gave is
kept in the run's unfinished work, and the next run takes it from there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import Counter
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import InputError
from pipeline.launch.work import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.launch.unfinished import Unfinished
    from pipeline.values.config import StageConfig

Value = TypeVar("Value")

EVERY = 1.0  # seconds between writes: more often would cost short experiments more than it saves
FILE = "steps-{:06d}"

log = logging.getLogger(__name__)


class _Kept:
    """What the steps of a run gave: in memory, and in files of unfinished work, each with the steps of some time."""

    def __init__(self, work: Unfinished) -> None:
        self._work = work
        self._known = self._read()
        self._fresh: dict[str, Any] = {}
        self._seen = Counter[str]()
        self._written = time.monotonic()
        if self._known:
            log.info("resuming: %d steps are done", len(self._known))

    def step(self, make: Callable[[], Value], of: tuple[object, ...]) -> Value:
        name = hashlib.sha256(json.dumps(of).encode()).hexdigest()
        self._seen[name] += 1
        name = f"{name}-{self._seen[name]}"
        if name in self._known:
            return self._known.pop(name)
        self._fresh[name] = value = make()
        if time.monotonic() - self._written > EVERY:
            self.write()
        return value

    def write(self) -> None:
        import torch

        if self._fresh:
            number = sum(1 for _ in self._work.folder.glob("steps-*"))
            self._work.write(FILE.format(number), lambda file: torch.save(self._fresh, file))
            self._fresh = {}
        self._written = time.monotonic()

    def _read(self) -> dict[str, Any]:
        import torch

        found = dict[str, Any]()
        for path in sorted(self._work.folder.glob("steps-*")):
            if path.suffix == "" and (content := self._work.read(path.name)) is not None:
                found |= torch.load(content, weights_only=True)
        return found


_kept: ContextVar[_Kept | None] = ContextVar("kept", default=None)


@contextmanager
def resumable(config: StageConfig) -> Iterator[None]:
    """Keep what the steps in the block give, until it has ended well: a run that is cut off goes on from there."""
    with unfinished(config) as work, steps_in(work):
        yield


@contextmanager
def steps_in(work: Unfinished) -> Iterator[None]:
    """Keep what the steps in the block give in this folder, and take from it what is there.

    Up to the first step that is not kept, the block has to come to the same steps in the same order whenever it runs.
    """
    kept = _Kept(work)
    token = _kept.set(kept)
    try:
        yield
    except BaseException:
        with suppress(InputError):  # as on a full disk: what ended the block says more
            kept.write()
        raise
    finally:
        _kept.reset(token)


def step(make: Callable[[], Value], *of: object) -> Value:
    """What `make` gives, or gave in an earlier run that was cut off; outside of `steps_in` it is just made.

    `of`, which JSON can hold, says what the step is of, such as ids of examples: where other batches are cut, as with
    another token budget, it is another step. Steps of the same are told apart by their order. The value is of tensors,
    strings, numbers, and lists, tuples and dictionaries of these.
    """
    kept = _kept.get()
    return make() if kept is None else kept.step(make, of)
