"""Verdicts on estimates, worked out by hand (docs/method.md, "Verdicts")."""

import numpy as np
import pytest
from scipy import stats

from pipeline.analysis.estimates import MeanEstimate, Part
from pipeline.analysis.verdicts import Limits, decide, holm, too_few


def at(value, error=1.0, freedom=20.0, replicates=3, n=100):
    return MeanEstimate(value, (Part("models", error**2, freedom),), replicates, n)


def verdict(estimate, limits, **changes):
    return decide({"rte": [estimate]}, [limits], barred={}, **changes)["rte"].verdict


HALF = stats.t.ppf(0.975, 20)


@pytest.mark.parametrize(
    ("value", "limits", "expected"),
    [
        (HALF + 0.01, Limits(low=0), "reproduced"),
        (HALF - 0.01, Limits(low=0), "open"),
        (-HALF + 0.01, Limits(low=0), "open"),
        (-HALF - 0.01, Limits(low=0), "not reproduced"),
        (5 - HALF - 0.01, Limits(high=5), "reproduced"),
        (5 + HALF + 0.01, Limits(high=5), "not reproduced"),
        (0.0, Limits(low=-HALF - 0.01, high=HALF + 0.01), "reproduced"),
        (0.5, Limits(low=-HALF - 0.01, high=HALF + 0.01), "open"),
        (9.0, Limits(low=-3, high=3), "not reproduced"),
        (-9.0, Limits(low=-3, high=3), "not reproduced"),
    ],
)
def test_one_task_is_decided_by_its_95_percent_interval(value, limits, expected):
    assert verdict(at(value), limits) == expected


def test_an_open_claim_says_where_it_points_and_what_is_missing():
    def why(value, limits):
        return decide({"rte": [at(value)]}, [limits], barred={})["rte"].why

    assert why(HALF - 0.01, Limits(low=0)).startswith("points to it; too few models: ")
    assert why(-HALF + 0.01, Limits(low=0)).startswith("points against it; too few models: ")
    assert why(0.5, Limits(low=-HALF - 0.01, high=HALF + 0.01)).startswith("points to it")


def test_how_many_would_do_is_what_turns_the_interval():
    """With as many models as it says the interval no longer reaches over zero, with one fewer it does."""
    mean = MeanEstimate(1.0, (Part("models", 0.4, 2), Part("examples", 0.01, 99)), 3, 100)
    count = int(too_few(mean, level=0.95).removeprefix("too few models: ").removesuffix(" would do"))

    def low(models):
        half = stats.t.ppf(0.975, models - 1) ** 2 * 0.4 * 3 / models + stats.t.ppf(0.975, 99) ** 2 * 0.01
        return 1.0 - np.sqrt(half)

    assert low(count) >= 0 > low(count - 1)
    mean = MeanEstimate(1.0, (Part("models", 0.01, 9), Part("examples", 0.9, 49)), 10, 50)
    n = int(too_few(mean, level=0.95).removeprefix("too few examples: about ").removesuffix(" would do"))
    half = stats.t.ppf(0.975, 9) ** 2 * 0.01 + stats.t.ppf(0.975, n - 1) ** 2 * 0.9 * 50 / n
    assert 0.9 < np.sqrt(half) <= 1.0
    assert too_few(MeanEstimate(0.0, (Part("models", 1.0, 2),), 3, None), level=0.95).endswith("200 would not do")


def test_the_interval_that_decided_excludes_the_limit_and_no_stricter_one_was_asked():
    values = {"rte": [at(9.0)], "sst2": [at(stats.t.isf(0.045 / 2, 20))], "mrpc": [at(0.1)]}
    found = decide(values, [Limits(low=0)], barred={})
    assert [one.level for one in found.values()] == pytest.approx([1 - 0.05 / 3, 1 - 0.05 / 2, 0.95])
    of_two = decide({"rte": [at(9.0), at(-9.0)]}, [Limits(low=0)] * 2, of_parts="any", barred={})["rte"]
    assert (of_two.verdict, of_two.level) == ("reproduced", pytest.approx(0.975))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5]) == [0.5]
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_several_tasks_share_five_percent():
    """Each of two alone would be reproduced; together the larger p counts once, the smaller twice (Holm)."""
    one, two = at(stats.t.isf(0.03 / 2, 20)), at(stats.t.isf(0.045 / 2, 20))
    assert verdict(one, Limits(low=0)) == verdict(two, Limits(low=0)) == "reproduced"
    found = decide({"rte": [one], "sst2": [two]}, [Limits(low=0)], barred={})
    assert {task: decision.verdict for task, decision in found.items()} == {"rte": "open", "sst2": "open"}
    assert [decision.p for decision in found.values()] == pytest.approx([0.06, 0.06])
    strong = decide({"rte": [at(9.0)], "sst2": [two]}, [Limits(low=0)], barred={})
    assert {decision.verdict for decision in strong.values()} == {"reproduced"}


def test_a_barred_task_decides_nothing_and_costs_the_others_nothing():
    two = at(stats.t.isf(0.045 / 2, 20))
    found = decide({"rte": [at(-9.0)], "sst2": [two]}, [Limits(low=0)], barred={"rte": "too weak"})
    assert (found["rte"].verdict, found["rte"].why, found["rte"].p) == ("open", "too weak", None)
    assert found["sst2"].verdict == "reproduced"


def test_a_claim_of_two_parts_needs_both_and_falls_with_one():
    limits = [Limits(low=0), Limits(low=0)]

    def both(*values, of_parts="all"):
        return decide({"rte": [at(value) for value in values]}, limits, of_parts=of_parts, barred={})["rte"].verdict

    assert both(9, 9) == "reproduced"
    assert both(9, 0) == "open"
    assert both(9, -9) == "not reproduced"
    assert both(9, -9, of_parts="any") == "reproduced"
    assert both(-9, -9, of_parts="any") == "not reproduced"
    assert both(-9, 0, of_parts="any") == "open"
    # Of two chances one is easier to have: the p of the better part counts twice.
    single = stats.t.isf(0.04 / 2, 20)
    assert both(single, 0, of_parts="any") == "open"
    assert both(0, -single) == "open"


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
