"""What was found of each claim: a sentence with the number that decides, the verdict, and what the paper says."""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.reporting.claims.words import need_in_words, values_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.reporting.cells import Metrics

    Rows = Mapping[str, Sequence[Mapping[str, Any]]]  # of each statistic one row per task

FILE = Path(__file__).with_name("findings.yaml")
LIMITS = re.compile(r"(?:above (?P<above>\S+)|below (?P<below>\S+)|from (?P<low>\S+) to (?P<high>\S+))(?: |$)")


@cache
def told() -> Mapping[str, Mapping[str, Any]]:
    """By claim what findings.yaml says of it: `words` of its statistics, `figure`, what the paper says."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def finding(claim: Metrics) -> str:
    """What was found on the claim's tasks, and what the claim needs: one sentence about one statistic.

    It is the first that lies on the wrong side of its limits on some task, or else the first. Of a claim for which one
    of several is enough it is the largest.
    """
    rows = _by_statistic(claim)
    name = _deciding(rows, either=claim["any"])
    first = rows[name][0]
    # A kept run may have been judged by an older rule's statistic.
    phrase = told().get(claim["id"], {"words": {}})["words"].get(name, f"{first['label']} is {{value}}")
    who = "objection" if claim["objection"] else "claim"
    said = values_in_words(f"{phrase[0].upper()}{phrase[1:]}", rows[name])
    needs = need_in_words(phrase, limits(first["needs"]), first["unit"])
    if claim["any"]:
        needs = needs.replace("it to be", f"one of {len(rows)} such shares to be")
    return f"{said}; the {who} needs {needs}."


def limits(needs: str) -> tuple[float, float]:
    """The limits that a row's words name: `above 90 %` is 90 and infinity."""
    found = LIMITS.match(needs)
    if not found:
        return -math.inf, math.inf
    low, high = found["above"] or found["low"], found["below"] or found["high"]
    return float(low or -math.inf), float(high or math.inf)


def _by_statistic(claim: Metrics) -> Rows:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for one in claim["tasks"]:
        for row in one["primary"]:
            rows.setdefault(row["name"], []).append({**row, "task": one["task"]})
    return rows


def _deciding(rows: Rows, *, either: bool) -> str:
    if either:
        known = {name: [row["value"] for row in of_name if row["value"] is not None] for name, of_name in rows.items()}
        return max(known, key=lambda name: sum(known[name]) / len(known[name]) if known[name] else -math.inf)
    return next((name for name, of_name in rows.items() if any(map(_outside, of_name))), next(iter(rows)))


def _outside(row: Mapping[str, Any]) -> bool:
    low, high = limits(row["needs"])
    return row["value"] is not None and not low < row["value"] < high
