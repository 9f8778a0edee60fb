"""The abstract: every claim is told once, by what was decided."""

from __future__ import annotations

import pytest

from pipeline.reporting.claims.abstract import abstract

FEW = "points to it; too few models: 5 would do"
LACK = "What most of them lack is models; the rows that decide say how many would do."


def claim(name: str, *verdicts: tuple[str, str | None], objection: bool = False, verdict: str = "") -> dict:
    tasks = [
        {"task": task, "verdict": v, "why": why} for task, (v, why) in zip(("sst2", "mrpc"), verdicts, strict=False)
    ]
    return {"id": name, "claim": f"of {name}", "objection": objection, "tasks": tasks, "verdict": verdict}


YES, NO, OPEN = ("reproduced", None), ("not reproduced", None), ("open", FEW)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (claim("P1", YES, YES), "What holds: of P1 (P1)."),
        (claim("P1", YES, OPEN), "What holds: of P1 (P1, on SST-2)."),
        (claim("P1", OPEN, NO), "What does not hold: of P1 (P1, on MRPC)."),
        (claim("P1", YES, NO), "What holds on some tasks and not on others: of P1 (P1, on SST-2)."),
        (claim("R1", ("upheld", None), ("upheld", None), objection=True), "What holds: of R1 (R1, an objection)."),
        (claim("R1", ("not upheld", None), objection=True), "What does not hold: of R1 (R1, an objection)."),
        (claim("P5", verdict="not tested: needs MNLI"), "P5 is not tested: needs MNLI."),
        (
            claim("P2", OPEN, OPEN),
            f"What is open: of P2 (P2). {LACK}",
        ),
        (claim("P2", ("open", "the gate"), ("open", None)), "What is open: of P2 (P2)."),
        # A smoke run.
        (claim("P2", ("open", "1 model, and a verdict needs 3")), "What is open: of P2 (P2)."),
        (claim("R1", OPEN, objection=True), f"What is open: of R1 (R1, an objection). {LACK}"),
    ],
)
def test_a_claim_by_hand(given: dict, said: str) -> None:
    assert abstract([given]) == [said]


def test_every_claim_is_told_once_in_the_order_of_what_is_sure() -> None:
    claims = [claim("P1", OPEN), claim("P2", NO), claim("P3", YES), claim("P4", YES, NO), claim("P5", verdict="none")]
    text = " ".join(abstract(claims))
    assert [text.count(f"of P{n}") + text.count(f"P{n} is") for n in range(1, 6)] == [1] * 5
    assert text.index("P3") < text.index("P2") < text.index("P4") < text.index("P1")


def test_what_is_missing_is_what_most_lack() -> None:
    examples = ("open", "points to it; too few examples: about 60 would do")
    assert "most of them lack is examples" in abstract([claim("P1", examples, examples), claim("P2", OPEN)])[0]
