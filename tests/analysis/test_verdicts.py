"""Verdicts on intervals, worked out by hand (docs/method.md, "Claims")."""

from typing import Any

import pytest

from pipeline.analysis.intervals import Interval
from pipeline.analysis.verdicts import decide, objection


@pytest.mark.parametrize(
    ("low", "high", "limits", "verdict"),
    [
        (1.0, 2.0, {"low": 1.0}, "reproduced"),
        (1.0, 2.0, {"low": 1.0, "strict": True}, "undecided"),
        (1.0, 2.0, {"low": 0.9, "strict": True}, "reproduced"),
        (1.0, 2.0, {"low": 2.0}, "undecided"),
        (1.0, 2.0, {"low": 2.0, "strict": True}, "not reproduced"),
        (1.0, 2.0, {"low": 2.1}, "not reproduced"),
        (1.0, 2.0, {"high": 2.0}, "reproduced"),
        (1.0, 2.0, {"high": 1.5}, "undecided"),
        (1.0, 2.0, {"high": 0.9}, "not reproduced"),
        (0.01, 0.04, {"high": 0.05}, "reproduced"),
        (0.05, 0.05, {"high": 0.05}, "reproduced"),
        (0.04, 0.051, {"high": 0.05}, "undecided"),
        (0.05, 0.06, {"high": 0.05}, "undecided"),
        (0.051, 0.06, {"high": 0.05}, "not reproduced"),
        (-1.0, 1.0, {"low": -1.0, "high": 1.0}, "reproduced"),
        (-1.0, 1.0, {"low": -0.5, "high": 2.0}, "undecided"),
        (3.0, 4.0, {"low": -0.5, "high": 2.0}, "not reproduced"),
        (-3.0, -2.0, {"low": -0.5, "high": 2.0}, "not reproduced"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(low: float, high: float, limits: Any, verdict: str):
    assert decide(Interval((low + high) / 2, low, high), **limits) == verdict


@pytest.mark.parametrize(
    ("verdict", "in_words"),
    [("reproduced", "upheld"), ("not reproduced", "not upheld"), ("undecided", "undecided")],
)
def test_an_objection_has_its_own_words(verdict: Any, in_words: str):
    assert objection(verdict) == in_words
