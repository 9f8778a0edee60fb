"""Rows of results as CSV for machines and as aligned Markdown for readers, with stable numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

from pipeline.analysis.intervals import Interval
from pipeline.errors import InputError
from pipeline.reporting.style import METHODS, task_name

Cell = str | int | float | Interval | None
Row = dict[str, Cell]

MISSING = "–"
MARKUP = re.compile(r"<(?=[a-zA-Z/!?])|(?<=\])\(")
NORMALISED = {"none": "as computed", "layer_l2": "÷ layer L2"}  # short, for a cell

Columns = Mapping[str, tuple[str, int]]

# Heading and digits of a column; a column that is not here is headed by its name.
COLUMNS: Columns = {
    "n": ("examples", 0),
    "accuracy": ("dev accuracy, %", 1),
    "f1": ("F1, %", 1),
    "auc": ("AUC, points", 1),
    "nauc": ("nAUC", 2),
    "r_star": ("r*, % of heads", 0),
    "normalise": ("importance", 0),
    "steps_1": ("steps for 1 %", 0),
    "steps_0.1": ("for 0.1 %", 0),
    "steps_0.01": ("for 0.01 %", 0),
    "tolerance": ("tolerance, %", 1),
    "auto_error": ("error, %", 3),
    "within_tolerance": ("pairs within it, %", 1),
    "steps_mean": ("mean steps", 1),
    "decided_by_doubt": ("not within for the doubt alone", 0),
    "doubt": ("doubt, %", 4),
    "largest_doubt": ("largest, %", 2),
    "judge_error": ("reference against the grid's, %", 6),
    "reference_error": ("half of the grid's, %", 6),
    "gap_median": ("gap: median", 6),
    "gap_q95": ("95 %", 6),
    "gap_max": ("largest", 6),
    "change": ("mean change of F", 4),
    "edges": ("edges", 1),
    "without_tree": ("trees without edges", 0),
    "full_probability": ("p, all edges", 3),
    "tree_probability": ("p, tree only", 3),
    "without_any_edge": ("p, without any edge", 3),
    "ratio": ("of optimal objective, %", 1),
    "reached": ("optimum reached, %", 1),
    "proven": ("proven", 0),
    "value": ("value", 2),
    "points": ("points", 1),
    "recovered": ("recovered share", 2),
    "p": ("p (Holm)", 3),
    "holds": ("interval holds", 0),
    "because": ("because", 0),
    "kept": ("kept results", 0),
    "minutes": ("minutes", 0),
    "seen": ("seeds seen before", 0),
    "without_trigger": ("without trigger, %", 1),
    **{f"trigger_{number}": (f"with trigger {number}, %", 1) for number in range(1, 10)},
    "trigger_drop": ("drop, points", 1),
    "mean_drop": ("mean drop, points", 1),
    "foreign_drop": ("foreign drop, points", 1),
    "paper_drop": ("paper: trigger 1 cost†", 1),
    "flip_rate": ("flipped, %", 1),
    "tokens_mean": ("mean tokens", 1),
    "other_task": ("with", 0),
    "other_seed": ("its seed", 0),
    "pearson": ("Pearson's r", 2),
    "spearman": ("Spearman's ρ", 2),
    "n_edges": ("edges", 0),
    "n_edges_with_special": ("with special tokens", 0),
}


# Columns whose values span magnitudes: four significant digits for machines, not four decimals.
TINY = frozenset({"gap_median", "gap_q95", "gap_max", "doubt", "judge_error", "reference_error"})


def to_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV, four decimals; an interval takes the columns x, x_low, x_high."""
    flat = [_flat(row, like=rows) for row in rows]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(flat[0]) if flat else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def to_markdown(rows: Sequence[Row], columns: Columns = COLUMNS) -> str:
    """Rows as a Markdown table, aligned so that it reads in a terminal too; numbers to the right."""
    if not rows:
        return ""
    names = _names(rows)
    cells = [[heading(name, columns) for name in names]]
    cells += [[as_markdown(cell_text(name, row[name], columns)).replace("|", "\\|") for name in names] for row in rows]
    widths = [max(3, *(len(line[column]) for line in cells)) for column in range(len(names))]
    sides = [">" if is_numeric(rows, name) else "<" for name in names]
    lines = [[f"{text:{side}{width}}" for text, side, width in zip(line, sides, widths, strict=True)] for line in cells]
    rule = [f"{':' if side == '>' else '-':->{width}}" for side, width in zip(sides, widths, strict=True)]
    return "".join(f"| {' | '.join(line)} |\n" for line in [lines[0], rule, *lines[1:]])


def as_markdown(text: str) -> str:
    """A line in which no name of a task, a class or a token is taken for HTML, a link or a picture; code stays."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else MARKUP.sub(r"\\\g<0>", part) for part in parts)


def heading(name: str, columns: Columns = COLUMNS) -> str:
    """What a reader sees above the column."""
    return columns[name][0] if name in columns else name.replace("_", " ")


def cell_text(name: str, cell: Cell, columns: Columns = COLUMNS) -> str:
    """What a reader sees in a cell of the column `name`: `97.5 [96.3, 98.3]` for an interval."""
    digits = columns[name][1] if name in columns else 3
    match cell:
        case None:
            return MISSING
        case Interval():
            return _interval_text(cell, digits)
        case float():
            return f"{cell:z.{digits}f}"
        case int():
            return str(cell) if name == "seed" else f"{cell:,}"
    return _name_text(name, cell)


def is_numeric(rows: Sequence[Row], name: str) -> bool:
    """Whether the column holds numbers, which line up on the right."""
    return all(not isinstance(row[name], str) for row in rows)


def _names(rows: Sequence[Row]) -> list[str]:
    if any(list(row) != list(rows[0]) for row in rows):
        raise InputError("the rows of a table must have the same columns in the same order")
    return list(rows[0])


def _interval_text(interval: Interval, digits: int) -> str:
    return f"{interval.value:z.{digits}f} [{interval.low:z.{digits}f}, {interval.high:z.{digits}f}]"


def _name_text(name: str, text: str) -> str:
    if name == "task":
        return task_name(text)
    if name == "method" and text in METHODS:
        return METHODS[text].label
    return NORMALISED.get(text, text) if name == "normalise" else text


def _flat(row: Row, *, like: Sequence[Row]) -> dict[str, str]:
    """One CSV line; a column with an interval anywhere has the interval's columns in every line."""
    flat = {}
    for name in _names(like):
        column, cell = [other[name] for other in like], row[name]
        if not any(isinstance(other, Interval) for other in column):
            flat[name] = f"{cell:.4g}" if name in TINY and isinstance(cell, float) else _plain(cell)
            continue
        flat[name] = _plain(cell.value if isinstance(cell, Interval) else cell)
        flat |= {f"{name}_{part}": _plain(getattr(cell, part, None)) for part in ("low", "high")}
    return flat


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:z.4f}" if isinstance(cell, float) else str(cell)
