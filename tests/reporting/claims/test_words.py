"""Findings in words: the number that decides, on the side on which it lies."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from pipeline.analysis.rules import read_rules
from pipeline.reporting.claims.findings import finding, limits, told
from pipeline.reporting.claims.words import missing_words, need_in_words, place_in, values_in_words, verdict_words
from pipeline.values.paths import SOURCE

RULES = read_rules().rules


def row(value: float | None, *, task: str = "sst2", unit: str = "points", name: str = "a", needs: str = "above 0"):
    return {"task": task, "value": value, "unit": unit, "name": name, "needs": needs, "label": f"the {name}"}


def claim(*tasks: dict[str, Any], name: str = "old", either: bool = False, objection: bool = False) -> dict[str, Any]:
    return {"id": name, "any": either, "objection": objection, "tasks": tasks, "verdict": "not tested: needs MNLI"}


def on(task: str, *rows: dict[str, Any], verdict: str = "open", why: str | None = None) -> dict[str, Any]:
    return {"task": task, "primary": rows, "verdict": verdict, "why": why}


def test_every_row_that_may_decide_has_words_of_one_place() -> None:
    assert {rule.id: [part.statistic for part in rule.primary] for rule in RULES} == {
        name: list(one["words"]) for name, one in told().items()
    }
    for one in told().values():
        assert all(phrase.count("{") == phrase.count(place_in(phrase)) == 1 for phrase in one["words"].values())


def test_what_the_paper_says_has_its_place_in_the_paper_and_a_heading_of_the_method() -> None:
    text = (SOURCE / "docs/method.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE))
    for one in told().values():
        assert ("paper" in one) == ("where" in one)
        if "where" in one:
            assert re.fullmatch(r".+; docs/method\.md, “(.+)”", one["where"])[1] in headings
    of_paper = {rule.id for rule in RULES if rule.source.startswith("the paper")}
    assert {name for name, one in told().items() if "paper" in one} == of_paper


@pytest.mark.parametrize("unit", ["%", "points", "share", "correlation", "tokens"])
def test_limits_are_read_from_the_words_that_rules_make_of_them(unit: str) -> None:
    for rule in RULES:
        for part in rule.primary:
            low = -math.inf if part.low is None else part.low
            assert limits(part.needs(unit)) == (low, math.inf if part.high is None else part.high)


@pytest.mark.parametrize(
    ("place", "ends", "unit", "said"),
    [
        ("{value}", (90, math.inf), "%", "more than 90 %"),
        ("{value}", (-math.inf, 5), "points", "less than 5 points"),
        ("{value}", (-2, 2), "tokens", "-2 to 2 tokens"),
        ("{percent}", (0.5, math.inf), "share", "more than 50 %"),
        ("{higher}", (0, math.inf), "points", "it to be higher"),
        ("{higher}", (-math.inf, 0), "correlation", "it to be lower"),
        ("{higher}", (-3, math.inf), "points", "it to be less than 3 points lower"),
        ("{higher}", (5, math.inf), "points", "it to be more than 5 points higher"),
        ("{higher}", (-math.inf, 5), "points", "it to be less than 5 points higher"),
        ("{higher}", (-math.inf, -0.25), "share", "it to be more than 0.25 lower"),
    ],
)
def test_a_need_by_hand(place: str, ends: tuple[float, float], unit: str, said: str) -> None:
    assert need_in_words(f"It is {place}", ends, unit) == said


def test_values_stand_in_their_place_task_by_task() -> None:
    rows = [row(1.5), row(-0.25, task="mrpc"), row(None, task="own")]
    assert values_in_words("It is {higher} than b", rows) == (
        "It is 1.5 points higher on SST-2 and 0.2 points lower on MRPC than b (undefined on own)"
    )
    shares = [row(-0.125, unit="share")]
    assert values_in_words("It is {percent}", shares) == "It is -12 % on SST-2"
    assert values_in_words("It is {value}", shares) == "It is -0.12 on SST-2"
    assert values_in_words("It is {value}", rows[2:]) == "It is undefined"


def test_the_row_on_the_wrong_side_is_told_or_else_the_first() -> None:
    good, bad = row(1.0), row(-1.0, name="b", task="mrpc")
    both = claim(on("sst2", good, row(2.0, name="b")), on("mrpc", row(3.0, task="mrpc"), bad))
    assert finding(both) == "The b is 2.0 points on SST-2 and -1.0 points on MRPC; the claim needs more than 0 points."
    assert finding(claim(on("sst2", good, row(2.0, name="b")))).startswith("The a is 1.0 points")


def test_where_one_row_is_enough_the_largest_is_told() -> None:
    shares = [row(value, unit="share", name=name, needs="above -0.05") for name, value in (("a", 0.1), ("b", 0.2))]
    text = finding(claim(on("sst2", *shares), either=True, objection=True))
    assert text == "The b is 0.20 on SST-2; the objection needs more than -0.05."
    name = "recovered/joint-tree"
    known = finding(claim(on("sst2", row(0.2, unit="share", name=name)), name="R3", either=True))
    assert known.endswith("the claim needs one of 1 such shares to be higher.")


@pytest.mark.parametrize(
    ("tasks", "verdict", "missing"),
    [
        ([("reproduced", None), ("reproduced", None)], "reproduced", ""),
        (
            [("reproduced", None), ("open", "points to it; too few models: 4 would do")],
            "reproduced on SST-2; open, points to it, on MRPC",
            "Too few models: 4 would do.",
        ),
        (
            [
                ("open", "points to it; too few models: 4 would do"),
                ("open", "points to it; too few models: 9 would do"),
            ],
            "open, points to it",
            "Too few models: 4 would do (SST-2); too few models: 9 would do (MRPC).",
        ),
        ([("open", "1 model, and a verdict needs 3")], "open", "1 model, and a verdict needs 3."),
        ([], "not tested: needs MNLI", ""),
    ],
)
def test_a_verdict_by_hand(tasks: list[tuple[str, str | None]], verdict: str, missing: str) -> None:
    of_tasks = [on(task, verdict=v, why=why) for task, (v, why) in zip(("sst2", "mrpc"), tasks, strict=False)]
    assert (verdict_words(claim(*of_tasks)), missing_words(claim(*of_tasks))) == (verdict, missing)
