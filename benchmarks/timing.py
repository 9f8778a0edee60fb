"""Times of contestants that take turns, so that what else the machine does meets all of them; and peak memory."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile


@dataclass(frozen=True)
class Contestant:
    """What is timed."""

    run: Callable[[], object]
    examples: int = 1  # that one run attributes
    repetitions: int | None = None  # at most so many; None: as many as the others


@dataclass(frozen=True)
class Spread:
    """The median of the repetitions, the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of one value per repetition."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g}..{self.high:.3g})"

    def values(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


Seconds = dict[str, list[float]]


def measure(contestants: Mapping[str, Contestant], *, repetitions: int, device: str) -> Seconds:
    """Seconds per example, one number per repetition; in each repetition the contestants run one after the other."""
    seconds: Seconds = {name: [] for name in contestants}
    for repetition in range(repetitions):
        for name, contestant in contestants.items():
            if contestant.repetitions is not None and repetition >= contestant.repetitions:
                continue
            synchronize(device)
            start = time.perf_counter()
            contestant.run()
            synchronize(device)
            seconds[name].append((time.perf_counter() - start) / contestant.examples)
    return seconds


def ratio(seconds: Seconds, slow: str, fast: str) -> Spread:
    """How many times faster than `slow` is `fast`, from the times of the same repetition."""
    return Spread.of([a / b for a, b in zip(seconds[slow], seconds[fast], strict=False)])


def synchronize(device: str) -> None:
    """Wait for what the device still does."""
    if device == "cuda":
        torch.cuda.synchronize()


def peak_memory(run: Callable[[], Any], device: str) -> int:
    """Bytes of tensors that `run` holds at once, at most, on top of what is there before.

    On CUDA this is the allocator's own count. On the CPU it is the same thing: torch's profiler reports every
    allocation and release in order, and their running sum is exact and free of noise, other than a process's resident
    memory, which the C library's allocator rounds up and keeps. Scratch memory inside a kernel library is not in it.
    """
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        run()
    events = recorded.profiler.kineto_results.events()
    changes = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    held = peak = 0
    for _, change in changes:
        held += change
        peak = max(peak, held)
    return peak
