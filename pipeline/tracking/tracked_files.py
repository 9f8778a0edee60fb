"""The pipeline's files as Weights & Biases takes them: tables as points of lines, facts as numbers by name."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Curves:
    """A table of an experiment's analysis, drawn: the columns of its axis, of what tells lines apart, and of values."""

    table: str
    x: str
    lines: tuple[str, ...]
    values: tuple[str, ...]


DECIDING = ("label", "needs", "value", "low", "high", "unit", "holds")
WITH_BOUNDS = ("accuracy", "low", "high")
SPREAD = ("q05", "median", "q95")

CURVES: dict[str, tuple[Curves, ...]] = {
    "attribute": (Curves("completeness", "layer", (), (*SPREAD, "steps", "unconverged")),),
    "effectiveness": (Curves("curves", "k", ("method", "direction"), WITH_BOUNDS),),
    "prune": (Curves("curves", "rate", ("method", "normalise"), WITH_BOUNDS),),
    "universality": (Curves("functional", "rate", ("ranking",), WITH_BOUNDS),),
    "tree": (
        Curves("curves", "tau", (), ("recovered", "low", "high", "random", "edges", "comprehensiveness")),
        Curves("shares", "share", ("map",), ("recovered",)),
    ),
    "receptive_field": (Curves("distances", "layer", ("special_tokens",), ("mean", *SPREAD)),),
    "triggers": (),
    "convergence": (Curves("curves", "steps", ("rule",), ("error", "low", "high", "q95")),),
    "truth": (
        Curves("groups", "size", ("method",), ("lost",)),
        Curves("randomised", "shuffled", ("method",), ("spearman",)),
    ),
    "planted_paths": (),
    "shortcut": (Curves("pruned", "rate", ("method", "rows"), ("accuracy",)),),
}


def lines_of(experiment: str, curves: Curves, rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """The rows of every line, by its name within what it is a line of: several random orders of a method are numbered.

    A name is <experiment>/<the line's columns>, with /0, /1 ... where rows have the same ones at the same place.
    """
    found: dict[str, dict[Any, list[Row]]] = {}
    for row in rows:
        name = "/".join([experiment, *(str(row[column]) for column in curves.lines)])
        found.setdefault(name, {}).setdefault(row[curves.x], []).append(row)
    named: dict[str, dict[str, list[Row]]] = {}
    for name, places in found.items():
        several = max(map(len, places.values())) > 1
        for place in places.values():
            for number_, row in enumerate(place):
                line = f"{name}/{number_}" if several else name
                named.setdefault(name, {}).setdefault(line, []).append(row)
    return named


def points(experiment: str, curves: Curves, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows of a table by their place on the axis: {<experiment>/<x>: ..., <line>/<value>: ...}."""
    found: dict[Any, dict[str, Any]] = {}
    for lines in lines_of(experiment, curves, rows).values():
        for line, on_line in lines.items():
            for row in on_line:
                x = number(row[curves.x])
                values = {f"{line}/{name}": number(row[name]) for name in curves.values}
                found.setdefault(x, {f"{experiment}/{curves.x}": x}).update(values)
    return [{name: value for name, value in point.items() if value is not None} for point in found.values()]


def numbers(experiment: str, records: Sequence[Row]) -> dict[str, int | float]:
    """The numbers of a model's facts, by path; where there are several records, what they are about stands before."""
    found: dict[str, int | float] = {}
    for record in records:
        about = [value for name, value in record.items() if isinstance(value, str) and name != "task"]
        place = [experiment, *(about if len(records) > 1 else [])]
        found |= {"/".join(place + path): value for path, value in _leaves(record) if path not in (["seed"],)}
    return found


def _leaves(value: Mapping[str, Any], path: Sequence[str] = ()) -> Iterable[tuple[list[str], int | float]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, [*path, name])
        elif isinstance(inner, int | float) and not isinstance(inner, bool):
            yield [*path, name], inner


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a table as they stand there."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(cell: Any) -> int | float | None:
    """The number in a cell; None where there is none, as some curves have no value at some points."""
    if cell is None or cell == "":
        return None
    try:
        return int(cell) if isinstance(cell, str) else cell
    except ValueError:
        return float(cell)


def claim_rows(judged: Sequence[Row]) -> list[dict[str, Any]]:
    """A row per claim, task and statistic that decides it: one where the run has no task for the claim."""
    rows = []
    for claim in judged:
        about = {name: claim[name] for name in ("id", "claim", "source", "verdict")}
        for task in claim["tasks"] or [{"task": None, "verdict": None, "why": None, "primary": [{}]}]:
            known = about | {"task": task["task"], "of_task": task["verdict"], "why": task["why"]}
            rows += [known | {name: primary.get(name) for name in DECIDING} for primary in task["primary"]]
    return rows
