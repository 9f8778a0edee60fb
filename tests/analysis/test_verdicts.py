"""Verdicts on estimates, worked out by hand (docs/method.md, "Verdicts")."""

import numpy as np
import pytest
from scipy import stats

from pipeline.analysis.estimates import Estimate, Part
from pipeline.analysis.verdicts import Limits, decide


def at(value, error=1.0, freedom=20.0, replicates=3, n=100):
    return Estimate(value, (Part(error**2, freedom),), replicates, n)


def verdict(estimate, limits, **changes):
    return decide({"rte": [estimate]}, [limits], barred={}, **changes)["rte"].verdict


HALF = stats.t.ppf(0.975, 20)


@pytest.mark.parametrize(
    ("value", "limits", "expected"),
    [
        (HALF + 0.01, Limits(low=0), "reproduced"),
        (HALF - 0.01, Limits(low=0), "undecided"),
        (-HALF + 0.01, Limits(low=0), "undecided"),
        (-HALF - 0.01, Limits(low=0), "not reproduced"),
        (5 - HALF - 0.01, Limits(high=5), "reproduced"),
        (5 + HALF + 0.01, Limits(high=5), "not reproduced"),
        (0.0, Limits(low=-HALF - 0.01, high=HALF + 0.01), "reproduced"),
        (0.5, Limits(low=-HALF - 0.01, high=HALF + 0.01), "undecided"),
        (9.0, Limits(low=-3, high=3), "not reproduced"),
        (-9.0, Limits(low=-3, high=3), "not reproduced"),
    ],
)
def test_one_task_is_decided_by_its_95_percent_interval(value, limits, expected):
    assert verdict(at(value), limits) == expected


def test_a_verdict_that_the_sample_could_not_give_is_not_undecided():
    """Were the value just the expected one, the interval would still reach over the limit."""
    wide = verdict(at(0.0, error=1.0), Limits(low=-1, expected=0))
    narrow = verdict(at(-0.9, error=0.4), Limits(low=-1, expected=0))
    assert (wide, narrow) == ("not decidable", "undecided")
    found = decide({"rte": [at(0.0)]}, [Limits(low=-1, expected=0)], barred={})["rte"]
    assert found.why == "not decidable with n = 100 and S = 3"
    assert verdict(at(9.0), Limits(low=-1, expected=0)) == "reproduced"


def test_several_tasks_share_five_percent():
    """Each of two alone would be reproduced; together the larger p counts once, the smaller twice (Holm)."""
    one, two = at(stats.t.isf(0.03 / 2, 20)), at(stats.t.isf(0.045 / 2, 20))
    assert verdict(one, Limits(low=0)) == verdict(two, Limits(low=0)) == "reproduced"
    found = decide({"rte": [one], "sst2": [two]}, [Limits(low=0)], barred={})
    assert {task: decision.verdict for task, decision in found.items()} == {"rte": "undecided", "sst2": "undecided"}
    assert [decision.p for decision in found.values()] == pytest.approx([0.06, 0.06])
    strong = decide({"rte": [at(9.0)], "sst2": [two]}, [Limits(low=0)], barred={})
    assert {decision.verdict for decision in strong.values()} == {"reproduced"}


def test_a_barred_task_decides_nothing_and_costs_the_others_nothing():
    two = at(stats.t.isf(0.045 / 2, 20))
    found = decide({"rte": [at(-9.0)], "sst2": [two]}, [Limits(low=0)], barred={"rte": "too weak"})
    assert (found["rte"].verdict, found["rte"].why, found["rte"].p) == ("not decidable", "too weak", None)
    assert found["sst2"].verdict == "reproduced"


def test_a_claim_of_two_parts_needs_both_and_falls_with_one():
    limits = [Limits(low=0), Limits(low=0)]

    def both(*values, of_parts="all"):
        return decide({"rte": [at(value) for value in values]}, limits, of_parts=of_parts, barred={})["rte"].verdict

    assert both(9, 9) == "reproduced"
    assert both(9, 0) == "undecided"
    assert both(9, -9) == "not reproduced"
    assert both(9, -9, of_parts="any") == "reproduced"
    assert both(-9, -9, of_parts="any") == "not reproduced"
    assert both(-9, 0, of_parts="any") == "undecided"
    # Of two chances one is easier to have: the p of the better part counts twice.
    single = stats.t.isf(0.04 / 2, 20)
    assert both(single, 0, of_parts="any") == "undecided"
    assert both(0, -single) == "undecided"


@pytest.mark.parametrize("of_parts", ["all", "any"])
def test_noise_gets_a_verdict_in_few_cases(of_parts):
    generator, draws = np.random.default_rng(0), 1500
    limits, wrong = [Limits(low=0), Limits(low=0)], dict.fromkeys(("reproduced", "not reproduced"), 0)
    for _ in range(draws):
        values = {task: [at(generator.standard_t(20)) for _ in limits] for task in ("rte", "sst2", "mrpc")}
        for decided in {decision.verdict for decision in decide(values, limits, of_parts=of_parts, barred={}).values()}:
            if decided in wrong:
                wrong[decided] += 1
    assert max(wrong.values()) / draws <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)
