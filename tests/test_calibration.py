"""No rule is wrong in more than 5 % of families of tasks, both sides together, where the truth lies on its limit."""

import numpy as np
import pytest

from benchmarks.calibration import Setting, on_limit, power, verdicts, wrong_share
from benchmarks.worlds import as_in_run, rare, unlike
from pipeline.analysis import estimates
from pipeline.analysis import statistics as of_tasks
from pipeline.analysis.rules import read_rules
from pipeline.analysis.statistics import Least, Mean, MeanOfThese, Ratio

RULES = {rule.id: rule for rule in read_rules().rules if not rule.without_verdict}
STEPS = {"within/right-20": 100, "kept/attribution_predicted": 100, "foreign_drop/best": 100 / 3}
OF_THESE = {"within/": MeanOfThese, "least/": Least}
CURVES = ("lead/",)
RATIOS = ("lost/attribution_predicted", "recovered/", "excess/")
DRAWS = 150
CHANCE = 3 * np.sqrt(0.05 * 0.95 / DRAWS)


def pool(name, generator, *, models=3, n=80):
    """A made-up run: models differ, examples differ, and the rest is about as large as both."""
    noise = generator.normal(size=(models, n)) + generator.normal(size=(models, 1)) * 0.3 + generator.normal(size=n)
    if name in RATIOS or name.startswith(RATIOS[1:]):
        return [Ratio(name, "share", 0.3 + 0.2 * row, 0.6 + 0.1 * row) for row in noise]
    for start, kind in OF_THESE.items():
        if name.startswith(start):
            return [kind(name, "%", 100.0 * (row > -2), step=100) for row in noise]
    if name in STEPS:
        return [
            Mean(name, "points", STEPS[name] * np.sign(row) * (np.abs(row) > 2.0), step=STEPS[name]) for row in noise
        ]
    return [Mean(name, "points", 4 * row, step=50 * name.startswith(CURVES)) for row in noise]


def setting(rule, generator):
    return Setting(rule, [[pool(part.statistic, generator) for part in rule.primary] for _ in range(4)])


@pytest.mark.parametrize(
    ("name", "world", "n"),
    [
        ("P1", unlike, 60),
        ("P1", rare, 6),
        ("P2", as_in_run, 30),
        ("P3b", as_in_run, 60),
        ("P3b", rare, 60),
        ("P4a", as_in_run, 6),
        ("P6", rare, 30),
        ("P7a", as_in_run, 60),
    ],
)
def test_a_rule_is_seldom_wrong(name, world, n):
    """A rule of every kind: of these models, of several rows, of ratios, with a step, of two limits."""
    generator = np.random.default_rng(sum(name.encode()))
    found = setting(RULES[name], generator)
    assert wrong_share(found, draws=DRAWS, world=world, count=3, n=n, generator=generator) <= 0.05 + CHANCE


@pytest.mark.slow
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_seldom_wrong(name, every):
    generator = np.random.default_rng(sum(name.encode()))
    found = setting(RULES[name], generator)
    for n in (6, 30, 60, 400):
        for world in (as_in_run, rare):
            sizes = {"world": world, "count": 3, "n": n, "generator": generator}
            assert wrong_share(found, draws=DRAWS, every=every, **sizes) <= 0.05 + CHANCE


@pytest.mark.parametrize("n", [30, 60, 120])
def test_rare_effects_are_not_taken_for_none(n):
    """AUCs of which one example in seventeen loses half a curve: of 30, none does in one sample of six."""
    generator = np.random.default_rng(0)
    found = setting(RULES["P4a"], generator)
    sizes = {"draws": DRAWS, "world": rare, "count": 3, "n": n, "generator": generator}
    assert wrong_share(found, **sizes) <= 0.05 + CHANCE


def test_intervals_over_examples_alone_would_fail(monkeypatch):
    """What version 0.1.0 did: the model held fixed."""

    def examples_alone(values, *, step=0.0):
        return estimates.over_examples(values, step=step)

    monkeypatch.setitem(of_tasks.MEANS, Mean, examples_alone)
    generator = np.random.default_rng(0)
    found = setting(RULES["P4c"], generator)
    assert wrong_share(found, draws=DRAWS, count=3, n=400, generator=generator) > 0.05 + CHANCE


def test_the_truth_lies_on_a_limit_and_nothing_else_stands_in_the_way():
    ways = on_limit(setting(RULES["P2"], np.random.default_rng(0)), every=False)
    assert ways == [[0, 1e6, 1e6], [1e6, 0, 1e6], [1e6, 1e6, 0]]
    assert on_limit(setting(RULES["P2"], np.random.default_rng(0)), every=True) == [[0, 0, 0]]
    assert on_limit(setting(RULES["P7a"], np.random.default_rng(0)), every=False) == [[-2], [2]]
    far_outside = [-0.05 - 1e6] * 5
    assert on_limit(setting(RULES["R3"], np.random.default_rng(0)), every=False)[0] == [-0.05, *far_outside]


def test_what_is_drawn_has_the_truth_of_its_world():
    generator = np.random.default_rng(0)
    sizes = {"count": 40, "n": 4000, "generator": generator}
    for name, truth in (("lead/taylor/none", 7.0), ("lead/taylor/none", -3.0), ("growth", 2.0)):
        for world in (as_in_run, rare):
            drawn = np.array([one.values for one in world(pool(name, generator), truth, **sizes)])
            assert drawn.mean() == pytest.approx(truth, abs=0.6)
    for world in (as_in_run, rare):
        drawn = world(pool("recovered/tree", generator), 0.5, **sizes)
        share = sum(one.above.sum() for one in drawn) / sum(one.below.sum() for one in drawn)
        assert share == pytest.approx(0.5, abs=0.04)
    least = np.array([one.values.mean() for one in unlike(pool("least/right-20", generator), 85.0, **sizes)])
    assert least.min() == pytest.approx(85, abs=6)


def test_a_large_effect_is_found_and_none_is_not():
    generator = np.random.default_rng(0)
    found = setting(RULES["P4c"], generator)
    sizes = {"count": 5, "n": 400, "generator": generator}
    assert power(found, [50.0], draws=12, **sizes) == [1.0] * 4
    assert power(found, [-50.0], draws=12, **sizes) == [0.0] * 4
    assert verdicts(found, [-50.0], **sizes) == ["not reproduced"] * 4
