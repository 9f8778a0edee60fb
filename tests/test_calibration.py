"""No rule is wrong in more than 5 % of families of tasks, on either side, where the truth lies on its limit."""

import numpy as np
import pytest

from benchmarks.calibration import Setting, draw, draw_rare, power, verdicts, wrong_share
from pipeline.analysis import estimates
from pipeline.analysis import statistics as of_tasks
from pipeline.analysis.rules import read_rules
from pipeline.analysis.statistics import Mean, Ratio, Single

RULES = {rule.id: rule for rule in read_rules().rules}
STEPS = {"within/right-20": 100, "kept/attribution_predicted": 100, "foreign_drop/best": 100 / 3}
RATIOS = ("lost/", "recovered/", "excess/")
SINGLES = ("growth", "similar-others")
DRAWS = 400
CHANCE = 3 * np.sqrt(0.05 * 0.95 / DRAWS)


def pool(name, generator, *, models=3, n=80):
    """A made-up run: models differ, examples differ, and the rest is about as large as both."""
    noise = generator.normal(size=(models, n)) + generator.normal(size=(models, 1)) * 0.3 + generator.normal(size=n)
    if name.startswith(SINGLES):
        return [Single(name, "", float(row.mean())) for row in noise]
    if name.startswith(RATIOS):
        return [Ratio(name, "share", 0.3 + 0.2 * row, 0.6 + 0.1 * row) for row in noise]
    if name in STEPS:
        return [
            Mean(name, "points", STEPS[name] * np.sign(row) * (np.abs(row) > 2.0), step=STEPS[name]) for row in noise
        ]
    return [Mean(name, "points", 4 * row) for row in noise]


def setting(rule, generator):
    pools = [[pool(part.statistic, generator) for part in rule.primary] for _ in range(3)]
    return Setting([part.limits for part in rule.primary], pools, rule.any)


@pytest.mark.parametrize("verdict", ["reproduced", "not reproduced"])
@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_seldom_wrong(name, verdict):
    generator = np.random.default_rng(sum(name.encode()))
    found = setting(RULES[name], generator)
    assert wrong_share(found, verdict, draws=DRAWS, count=3, n=60, generator=generator) <= 0.05 + CHANCE


@pytest.mark.parametrize("n", [60, 400])
def test_rare_effects_are_not_taken_for_none(n):
    """One example in a hundred loses everything: of 60, none does in half of the samples."""
    generator = np.random.default_rng(0)
    found = setting(RULES["P3a"], generator)
    for verdict in ("reproduced", "not reproduced"):
        sizes = {"draws": DRAWS, "count": 3, "n": n, "generator": generator}
        assert wrong_share(found, verdict, draw=draw_rare, **sizes) <= 0.05 + CHANCE


def test_intervals_over_examples_alone_would_fail(monkeypatch):
    """What version 0.1.0 did: the model held fixed."""

    def examples_alone(values, *, step=0.0):
        return estimates.crossed(np.asarray(values).mean(axis=0, keepdims=True), step=step)

    monkeypatch.setattr(of_tasks, "crossed", examples_alone)
    generator = np.random.default_rng(0)
    found = setting(RULES["P4c"], generator)
    wrong = wrong_share(found, "reproduced", draws=DRAWS, count=3, n=400, generator=generator)
    assert wrong > 0.05 + CHANCE


def test_what_is_drawn_has_the_truth_and_the_spread_of_its_pool():
    generator = np.random.default_rng(0)
    means = pool("lead/taylor/none", generator)
    drawn = np.array([one.values for one in draw(means, 7.0, count=400, n=400, generator=generator)])
    assert drawn.mean() == pytest.approx(7.0, abs=0.5)
    ratios = pool("recovered/tree", generator)
    drawn = draw(ratios, 0.5, count=400, n=400, generator=generator)
    assert sum(one.above.sum() for one in drawn) / sum(one.below.sum() for one in drawn) == pytest.approx(0.5, abs=0.02)


def test_a_large_effect_is_found_and_none_is_not():
    generator = np.random.default_rng(0)
    found = setting(RULES["P4c"], generator)
    sizes = {"draws": 50, "count": 5, "n": 400, "generator": generator}
    assert power(found, [50.0], **sizes) == 1
    assert power(found, [-50.0], **sizes) == 0
    assert verdicts(found, [-50.0], count=5, n=400, generator=generator) == ["not reproduced"] * 3
