"""Where the replicates of a kept run are from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.reporting.blocks import Block, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.reporting.table_text import Row

CAPTION = "The replicates. Minutes are those of all stages together; a dash: not known."
VERSIONS = "All were made with {versions}."


def replicate_blocks(replicates: Sequence[Mapping[str, Any]], models: Sequence[Mapping[str, Any]]) -> list[Block]:
    """A table of the replicates, and the versions where all have the same; nothing for a run that is not kept.

    `replicates` are the files of `outputs/replicates`, `models` the records of `finetune`.
    """
    of_tasks = [one for one in replicates if one["task"] is not None]
    if not of_tasks:
        return []
    accuracy = {(one["task"], one["seed"]): 100 * one["accuracy"] for one in models}
    place = {model: number for number, model in enumerate(accuracy)}
    of_tasks.sort(key=lambda one: place[one["task"], one["seed"]])
    versions = {id(one): _versions(one) for one in of_tasks}
    alike = len({*versions.values()}) == 1
    rows: list[Row] = []
    for one in of_tasks:
        stages = one["stages"].values()
        row: Row = {"task": one["task"], "seed": one["seed"], "machine": _joined(stage["machine"] for stage in stages)}
        if not alike:
            row["versions"] = versions[id(one)]
        row |= {"dates": _dates(stage["started"] for stage in stages), "minutes": _minutes(stages)}
        rows.append(
            {**row, "accuracy": accuracy[one["task"], one["seed"]], "commit": (one["commit"] or "")[:7] or None}
        )
    said = Text(VERSIONS.format(versions=versions[id(of_tasks[0])] or "versions that are not known"))
    return [Table(CAPTION, rows), *([said] if alike else [])]


def made_of(replicates: Sequence[Mapping[str, Any]]) -> str:
    """`commit 0a1b2c3, run until 2026-12-01`: the commits of kept replicates and their last day; empty without any."""
    commits = sorted({one["commit"][:7] for one in replicates if one["commit"]})
    started = [stage["started"] for one in replicates for stage in one["stages"].values() if stage["started"]]
    parts = [f"commit{'s' * (len(commits) > 1)} {', '.join(commits)}"] if commits else []
    return ", ".join([*parts, *([f"run until {max(started)}"] if started else [])])


def _versions(one: Mapping[str, Any]) -> str:
    """`python 3.11.7, torch 2.13.0`; what stages had in several versions with each."""
    found: dict[str, list[str]] = {}
    for stage in one["stages"].values():
        for package, version in (stage["versions"] or {}).items():
            found.setdefault(package, []).append(version)
    return ", ".join(f"{package} {_joined(found[package])}" for package in sorted(found))


def _joined(parts: Iterable[str | None]) -> str | None:
    """What differs, once each."""
    return "; ".join(dict.fromkeys(part for part in parts if part)) or None


def _dates(started: Iterable[str | None]) -> str | None:
    known = sorted({date for date in started if date})
    return " to ".join([known[0], known[-1]] if len(known) > 1 else known) or None


def _minutes(stages: Iterable[Mapping[str, Any]]) -> float | None:
    """Of all stages together; None where one is not known."""
    seconds = [stage["seconds"] for stage in stages]
    return None if None in seconds else sum(seconds) / 60
