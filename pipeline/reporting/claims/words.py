"""Verdicts and values in words, for the report and for the README's table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pipeline.reporting.style import task_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.reporting.cells import Metrics

FINE = {"share", "correlation"}  # units that are not said, in hundredths


def verdict_words(claim: Metrics) -> str:
    """`reproduced on negation; open, points to it, on inference`, or why there is none."""
    by_word: dict[str, list[str]] = {}
    for one in claim["tasks"]:
        direction, _ = direction_and_reason(one["why"])
        by_word.setdefault(f"open, {direction}" if direction else one["verdict"], []).append(task_name(one["task"]))
    if len(by_word) == 1:
        return next(iter(by_word))
    parts = [f"{word}{',' * (',' in word)} on {joined(tasks)}" for word, tasks in by_word.items()]
    return "; ".join(parts) or claim["verdict"]


def missing_words(claim: Metrics) -> str:
    """Why the claim is open, `Too few models: 4 would do.`, with tasks where they differ; empty if nothing is open."""
    by_reason: dict[str, list[str]] = {}
    for one in claim["tasks"]:
        if reason := direction_and_reason(one["why"])[1]:
            by_reason.setdefault(reason, []).append(task_name(one["task"]))
    alike = len(by_reason) == 1
    parts = [reason if alike else f"{reason} ({joined(tasks)})" for reason, tasks in by_reason.items()]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def direction_and_reason(why: str | None) -> tuple[str, str]:
    """What `why` of an open verdict says: `points to it`, where it says so, and what is missing."""
    direction, points, reason = (why or "").partition("; ")
    return (direction, reason) if points and direction.startswith("points") else ("", why or "")


def values_in_words(phrase: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A phrase of findings.yaml with the values of one statistic, one row per task, where its place is.

    `{value}`: `14.6 % on negation and 4.2 % on inference`; `{percent}`, of a share: the same in per cent;
    `{higher}`, of a difference: `1.5 points higher on negation and 0.9 points lower on inference`.
    """
    known = [row for row in rows if row["value"] is not None]
    if not known:
        return f"{phrase.replace(place_in(phrase), 'undefined')}"
    said = joined(f"{_value(place_in(phrase), row)} on {task_name(row['task'])}" for row in known)
    without = [task_name(row["task"]) for row in rows if row["value"] is None]
    return phrase.replace(place_in(phrase), said) + (f" (undefined on {joined(without)})" if without else "")


def need_in_words(phrase: str, limits: tuple[float, float], unit: str) -> str:
    """What lies between two limits, in the words of the phrase: `more than 90 %`, `it to be higher`."""
    low, high = limits
    place = place_in(phrase)
    if math.isfinite(low) and math.isfinite(high):
        return f"{low:g} to {_plain(place, high, unit)}"
    limit, more = (low, True) if math.isfinite(low) else (high, False)
    if place != "{higher}":
        return f"{'more' if more else 'less'} than {_plain(place, limit, unit)}"
    if not limit:
        return f"it to be {'higher' if more else 'lower'}"
    # Above -3 is less than 3 lower.
    side = "more" if more == (limit > 0) else "less"
    return f"it to be {side} than {_plain(place, abs(limit), unit)} {'higher' if limit > 0 else 'lower'}"


def place_in(phrase: str) -> str:
    """The place of the values in a phrase: `{value}`, `{percent}` or `{higher}`."""
    return next(place for place in ("{value}", "{percent}", "{higher}") if place in phrase)


def joined(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _value(place: str, row: Mapping[str, Any]) -> str:
    value, unit = row["value"], row["unit"]
    if place == "{percent}":
        return f"{100 * value:z.0f} %"
    digits = ".2f" if unit in FINE else ".1f"
    text = f"{abs(value) if place == '{higher}' else value:z{digits}}{'' if unit in FINE else f' {unit}'}"
    return f"{text} {'lower' if value < 0 else 'higher'}" if place == "{higher}" else text


def _plain(place: str, limit: float, unit: str) -> str:
    if place == "{percent}":
        return f"{100 * limit:g} %"
    return f"{limit:g}{'' if unit in FINE else f' {unit}'}"
