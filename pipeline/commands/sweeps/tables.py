"""A sweep as one table: a row per job, with its overrides, how it ended, and the numbers of its outcomes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.analysis.intervals import Interval
from pipeline.commands.sweeps.jobs import Job
from pipeline.reporting.table_text import Row, to_markdown

MODEL = ("task", "seed")
NO_RESULTS = frozenset({*MODEL, "n"})
MOST_DIGITS = 6

Number = float | Interval


def sweep_rows(jobs: Sequence[Job]) -> list[Row]:
    """A row per job, ordered by its overrides: these, `status`, the numbers that vary, and `error` where any failed."""
    keys, found = override_keys(jobs), numbers(jobs)
    failed = any(job.error for job in jobs)
    rows = []
    for job in sorted(jobs, key=lambda job: [natural(job.overrides.get(key)) for key in keys]):
        row: Row = {**{key: job.overrides.get(key) for key in keys}, "status": job.status}
        row |= {name: values.get(job.name) for name, values in found.items()}
        rows.append(row | ({"error": job.error} if failed else {}))
    return rows


def sweep_text(rows: Sequence[Row], jobs: Sequence[Job]) -> str:
    """The rows as a Markdown table, names as they are; what all jobs share, of overrides and status, follows it."""
    same = [key for key in override_keys(jobs) if key not in varying_keys(jobs)]
    same += ["status"] if len({job.status for job in jobs}) == 1 else []
    shown = [{name: cell for name, cell in row.items() if name not in same} for row in rows]
    table = to_markdown(shown, _columns(shown))
    return table + (f"\nAll jobs: {', '.join(f'{key}={rows[0][key]}' for key in same)}\n" if same else "")


def _columns(rows: Sequence[Row]) -> dict[str, tuple[str, int]]:
    """Headings and digits: three of a column's smallest number, or of its largest where intervals say what counts."""
    columns = {}
    for name in rows[0]:
        cells = [cell for row in rows if isinstance(cell := row[name], float | Interval) and middle(cell)]
        chosen = max if any(isinstance(cell, Interval) for cell in cells) else min
        size = chosen((abs(middle(cell)) for cell in cells), default=1.0)
        columns[name] = (name, min(MOST_DIGITS, max(0, 2 - math.floor(math.log10(size)))))
    return columns


def flat_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows for a CSV table: an interval takes the columns x, x_low, x_high."""
    with_interval = {name for row in rows for name, cell in row.items() if isinstance(cell, Interval)}
    flat = []
    for row in rows:
        cells: dict[str, Any] = {}
        for name, cell in row.items():
            cells[name] = cell.value if isinstance(cell, Interval) else cell
            if name in with_interval:
                cells |= {f"{name}_{end}": getattr(cell, end, None) for end in ("low", "high")}
        flat.append(cells)
    return flat


def override_keys(jobs: Sequence[Job]) -> list[str]:
    """What the jobs override: task and seed, then the rest by name."""
    keys = {key for job in jobs for key in job.overrides}
    return [key for key in MODEL if key in keys] + sorted(keys - set(MODEL))


def varying_keys(jobs: Sequence[Job]) -> list[str]:
    """The overrides that are not the same in all jobs."""
    return [key for key in override_keys(jobs) if len({job.overrides.get(key) for job in jobs}) > 1]


def numbers(jobs: Sequence[Job]) -> dict[str, dict[str, Number]]:
    """By name, then by job: the scalars and intervals of the metrics that differ between jobs of one task and seed.

    They are those at the top level or, where none of these differs, those one level down.
    """
    settings = {key.rpartition(".")[2] for key in override_keys(jobs)}
    top = {job.name: _numbers(job.statistics) for job in jobs}
    below = {
        job.name: {
            f"{part}.{name}": number
            for part, values in job.statistics.items()
            if isinstance(values, Mapping) and part not in top[job.name]
            for name, number in _numbers(values).items()
        }
        for job in jobs
    }
    return _varying(jobs, top, settings) or _varying(jobs, below, settings)


def middle(number: Number) -> float:
    """The number itself, of an interval its value."""
    return number.value if isinstance(number, Interval) else number


def natural(value: str | None) -> tuple[bool, float, str]:
    """A key that sorts overrides: numbers by size, then none, then text."""
    number = as_number(value)
    return (number is None, number or 0.0, value or "")


def as_number(value: str | None) -> float | None:
    """The number that an override's value is, if it is one."""
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _numbers(metrics: Mapping[str, Any]) -> dict[str, Number]:
    found: dict[str, Number] = {}
    for name, value in metrics.items():
        if _is_number(value):
            found[name] = value
        elif isinstance(value, Mapping) and all(_is_number(value.get(part)) for part in ("value", "low", "high")):
            found[name] = Interval.of(value)
    for name in [name for name in found if {f"{name}_low", f"{name}_high"} <= found.keys()]:
        found[name] = Interval(metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"])
        del found[f"{name}_low"], found[f"{name}_high"]
    return {name: number for name, number in found.items() if name not in NO_RESULTS}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _varying(
    jobs: Sequence[Job], found: Mapping[str, Mapping[str, Number]], settings: set[str]
) -> dict[str, dict[str, Number]]:
    done = [job for job in jobs if job.statistics]
    # What differs by task alone, such as its size, does not answer to the values that are swept.
    models = {job.name: tuple(job.overrides.get(key) for key in MODEL) for job in done}
    if len(set(models.values())) == len(done):
        models = dict.fromkeys(models, ())
    chosen: dict[str, dict[str, Number]] = {}
    for name in dict.fromkeys(name for job in done for name in found[job.name]):
        seen = {(models[job.name], found[job.name].get(name)) for job in done}
        if name not in settings and (len(done) == 1 or len(seen) > len(set(models.values()))):
            chosen[name] = {job.name: found[job.name][name] for job in done if name in found[job.name]}
    return chosen
