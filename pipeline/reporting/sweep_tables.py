"""A sweep as one table: a row per job, with its overrides, how it ended, and the numbers of its metrics."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.intervals import Interval
from pipeline.reporting.table_text import Row
from pipeline.run.sweep_jobs import Job

NOT_RESULTS = frozenset({"task", "seed", "n"})
MODEL = ("task", "seed")

Number = float | Interval


def sweep_rows(jobs: Sequence[Job]) -> list[Row]:
    """A row per job, ordered by its overrides: these, `status`, the numbers that vary, and `error` where one failed.

    A number is one at the top level of the metrics, or an interval there; where no such number varies, one level down.
    """
    keys, found = override_keys(jobs), numbers(jobs)
    failed = any(job.error for job in jobs)
    rows = []
    for job in sorted(jobs, key=lambda job: [natural(job.overrides.get(key)) for key in keys]):
        row: Row = {key: job.overrides.get(key) for key in keys} | {"status": job.status}
        row |= {name: values.get(job.name) for name, values in found.items()}
        rows.append(row | ({"error": job.error} if failed else {}))
    return rows


def override_keys(jobs: Sequence[Job]) -> list[str]:
    """What the jobs override: task and seed, then the rest by name."""
    keys = {key for job in jobs for key in job.overrides}
    return [key for key in MODEL if key in keys] + sorted(keys - set(MODEL))


def varying_keys(jobs: Sequence[Job]) -> list[str]:
    """Those overrides that are not the same in all jobs."""
    return [key for key in override_keys(jobs) if len({job.overrides.get(key) for job in jobs}) > 1]


def numbers(jobs: Sequence[Job]) -> dict[str, dict[str, Number]]:
    """By name, and then by the name of the job: the results that differ between jobs of the same task and seed."""
    top = {job.name: _numbers(job.metrics) for job in jobs}
    below = {
        job.name: {
            f"{part}.{name}": number
            for part, values in job.metrics.items()
            if isinstance(values, Mapping) and part not in top[job.name]
            for name, number in _numbers(values).items()
        }
        for job in jobs
    }
    return _varying(jobs, top) or _varying(jobs, below)


def natural(value: str | None) -> tuple[int, float, str]:
    """Sort key: nothing, then numbers by size, then text."""
    if value is None:
        return (0, 0.0, "")
    number = as_number(value)
    return (2, 0.0, value) if number is None else (1, number, "")


def as_number(value: str) -> float | None:
    """The number that an override's value is, if it is one."""
    try:
        return float(value)
    except ValueError:
        return None


def _numbers(metrics: Mapping[str, Any]) -> dict[str, Number]:
    found: dict[str, Number] = {}
    for name, value in metrics.items():
        if name in NOT_RESULTS or isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
            found[name] = value if low is None or high is None else Interval(value, low, high)
        elif isinstance(value, Mapping) and all(isinstance(value.get(key), int | float) for key in ("value", "low", "high")):
            found[name] = Interval(value["value"], value["low"], value["high"])
    return {name: number for name, number in found.items() if not _is_bound(name, found)}
