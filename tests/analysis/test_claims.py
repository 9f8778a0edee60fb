"""Claims: the rules on statistics worked out by hand."""

from datetime import date

import numpy as np
import pytest
from outcomes_by_hand import key

from pipeline.analysis.claims import judge, weak_tasks
from pipeline.analysis.rules import Primary, Rule, Rules
from pipeline.analysis.statistics import Mean, Ratio, Single, statistics

GENERATOR = np.random.default_rng(0)


SEEDS = dict.fromkeys(("rte", "sst2", "mrpc", "mnli"), (1, 2, 3))


def rule(**changes):
    fields = {"id": "P", "claim": "it is so", "source": "the paper", "experiment": "prune", "date": date(2026, 1, 2)}
    fields |= {"primary": (Primary(statistic="lead/taylor", low=0),), "secondary": ("lead/*",)}
    return Rule(**(fields | changes))


def measured(value, *, seeds=3, spread=0.5, name="lead/taylor"):
    """`value` on average, in every model; models and examples differ by chance."""
    noise = GENERATOR.normal(size=(seeds, 50)) * spread
    noise -= noise.mean()
    return [{key(name): Mean(f"{name} in words", "points", value + row)} for row in noise]


def found(tasks, **options):
    return [one for task, value in tasks.items() for one in statistics(task, measured(value, **options))]


def judged(tasks, the_rule=None, *, weak=None, seen=None, **options):
    rules = Rules((the_rule or rule(),), seen or {}, "0" * 64)
    (claim,) = judge(rules, {"prune": found(tasks, **options)}, weak=weak or {}, seeds=SEEDS)
    return claim


def by_task(claim):
    return {one["task"]: one["verdict"] for one in claim["tasks"]}


def test_a_claim_counts_its_tasks():
    claim = judged({"sst2": 3.0, "rte": -3.0, "mrpc": 0.0, "mnli": 4.0})
    assert by_task(claim) == {
        "sst2": "reproduced",
        "rte": "not reproduced",
        "mrpc": "open",
        "mnli": "reproduced",
    }
    assert claim["verdict"] == "reproduced on 2 of 4, not reproduced on 1, open on 1"
    assert (claim["id"], claim["claim"], claim["source"], claim["date"]) == ("P", "it is so", "the paper", "2026-01-02")
    (row,) = claim["tasks"][0]["primary"]
    assert (row["value"], row["label"], row["needs"]) == (pytest.approx(3.0), "lead/taylor in words", "above 0 points")


def test_an_objection_is_upheld():
    claim = judged({"sst2": 3.0, "rte": -3.0}, rule(objection=True))
    assert claim["verdict"] == "upheld on 1 of 2, not upheld on 1"


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_models_decide_nothing(seeds):
    claim = judged({"sst2": 3.0}, seeds=seeds)
    assert by_task(claim) == {"sst2": "open"}
    named = "1 model" if seeds == 1 else "2 models"
    assert claim["tasks"][0]["why"] == f"{named}, and a verdict needs 3"


def test_a_task_with_weak_models_decides_nothing():
    claim = judged({"sst2": 3.0, "rte": 3.0}, weak={"rte": "they are weak"})
    assert by_task(claim) == {"sst2": "reproduced", "rte": "open"}
    assert claim["tasks"][1]["why"] == "they are weak"


def test_a_claim_about_other_models_is_barred_by_its_own_gate_alone():
    def judged_with(relied):
        models = [
            first | second for first, second in zip(measured(3.0), measured(relied, name="lead/other"), strict=True)
        ]
        gated = rule(gate="given", given=(Primary(statistic="lead/other", low=0),), without_given="they do not rely")
        (claim,) = judge(
            Rules((gated,), {}, ""),
            {"prune": statistics("rte", models)},
            weak={"rte": "the task's own models are weak"},
            seeds=(1, 2, 3),
        )
        return claim["tasks"][0]["verdict"], claim["tasks"][0]["why"]

    assert judged_with(2.0) == ("reproduced", None)
    assert judged_with(0.0) == ("open", "they do not rely")


def test_weak_is_a_task_whose_mean_model_is_less_than_three_standard_errors_above_the_majority():
    def records(task, *accuracies):
        classes = {"no": {"n": 60}, "yes": {"n": 40}}
        return [{"task": task, "accuracy": one, "n": 100, "per_class": classes} for one in accuracies]

    # At 0.73 of 100 a standard error is 0.0444: 0.13 above 0.6 are less than three of them, at 0.74 just enough.
    # One weak model of three bars nothing.
    known = records("rte", 0.73, 0.73) + records("sst2", 0.74) + records("mrpc", 0.9, 0.6, 0.9)
    assert weak_tasks(known) == {
        "rte": "the models' mean accuracy, 73.0%, is not three standard errors above the majority class's 60.0%"
    }


def test_a_statistic_that_is_undefined_decides_nothing_and_says_why():
    ratios = [{key("lead/taylor"): Ratio("a share", "share", np.ones(4), np.array([1.0, -1, 2, -3]))} for _ in range(3)]
    (claim,) = judge(Rules((rule(),), {}, ""), {"prune": statistics("rte", ratios)}, weak={}, seeds=SEEDS)
    assert claim["tasks"][0]["why"] == "a share: what it is a share of is not above 0"


def test_what_hardly_any_example_shows_decides_nothing():
    """Nine of fifty examples differ: one more would decide."""

    def why(differ):
        values = np.zeros(50)
        values[:differ] = 1.0
        models = [{key("lead/taylor"): Mean("a lead", "log-odds", values)} for _ in range(3)]
        (claim,) = judge(Rules((rule(),), {}, ""), {"prune": statistics("rte", models)}, weak={}, seeds=SEEDS)
        return claim["tasks"][0]["verdict"], claim["tasks"][0]["why"]

    assert why(9) == ("open", "a lead: only 9 examples differ from the others")
    assert why(10) == ("reproduced", None)
    assert why(0) == ("open", "a lead: nothing varied, which tells nothing")


def test_a_claim_that_no_sample_can_carry_is_shown_without_a_verdict():
    claim = judged({"sst2": 3.0}, rule(without_verdict="one pair cannot carry it"))
    assert claim["verdict"] == "without a verdict: one pair cannot carry it"
    assert by_task(claim) == {"sst2": "open"}
    assert claim["tasks"][0]["primary"][0]["value"] == pytest.approx(3.0)


def test_secondary_rows_have_no_verdict_and_leave_out_the_primary_ones():
    models = [first | second for first, second in zip(measured(3.0), measured(9.0, name="lead/other"), strict=True)]
    models = [one | {key("auc/other"): Single("unasked", "points", 1.0)} for one in models]
    (claim,) = judge(Rules((rule(),), {}, ""), {"prune": statistics("rte", models)}, weak={}, seeds=SEEDS)
    assert [row["name"] for row in claim["tasks"][0]["secondary"]] == ["lead/other"]


def test_a_rule_for_some_tasks_leaves_the_others_alone():
    assert by_task(judged({"sst2": 3.0, "rte": -3.0}, rule(tasks=("sst2",)))) == {"sst2": "reproduced"}
    assert judged({"rte": -3.0}, rule(tasks=("sst2",), needs_tasks="SST-2"))["verdict"] == "not tested: needs SST-2"


def test_a_task_without_the_statistic_is_not_judged():
    assert judged({"rte": 3.0}, name="lead/other")["verdict"] == "not tested: needs a run with its statistics"


def test_what_had_been_seen_is_named():
    claim = judged({"sst2": 3.0, "rte": 3.0}, seen={"sst2": (1, 2, 9)})
    assert [one["seen"] for one in claim["tasks"]] == [[1, 2], []]


def test_one_of_several_baselines_is_enough_for_any():
    parts = (Primary(statistic="lead/a", low=-0.5), Primary(statistic="lead/b", low=-0.5))

    def with_parts(first, second, *, either):
        pairs = zip(measured(first, name="lead/a"), measured(second, name="lead/b"), strict=True)
        rules = Rules((rule(primary=parts, any=either, objection=True),), {}, "")
        (claim,) = judge(rules, {"prune": statistics("rte", [a | b for a, b in pairs])}, weak={}, seeds=SEEDS)
        return claim["tasks"][0]["verdict"], claim["rule"]

    assert with_parts(3, -3, either=True) == ("upheld", "above -0.5 or above -0.5")
    assert with_parts(-3, -3, either=True)[0] == "not upheld"
    assert with_parts(3, -3, either=False) == ("not upheld", "above -0.5 and above -0.5")


def test_a_statistic_over_several_tasks_is_a_family_of_its_own_and_needs_all_models():
    three = [{key("similar-others"): Single("agreement", "r", value)} for value in (0.30, 0.31, 0.29)]
    over_all = statistics(None, three)
    the_rule = rule(primary=(Primary(statistic="similar-others", low=0),))
    (claim,) = judge(Rules((the_rule,), {}, ""), {"prune": over_all}, weak={}, seeds=SEEDS)
    assert by_task(claim) == {"all": "reproduced"}
    (claim,) = judge(Rules((the_rule,), {}, ""), {"prune": over_all}, weak={"rte": "weak models"}, seeds=SEEDS)
    assert (by_task(claim), claim["tasks"][0]["why"]) == ({"all": "open"}, "rte: weak models")


@pytest.mark.parametrize(("tree", "verdict"), [(3.0, "upheld"), (0.0, "open"), (-3.0, "open")])
def test_what_can_only_be_asked_where_something_holds_is_open_elsewhere(tree, verdict):
    given = {"given": (Primary(statistic="tree", low=0),), "without_given": "the tree carries nothing"}
    pairs = zip(measured(3.0), measured(tree, name="tree"), strict=True)
    rules = Rules((rule(objection=True, **given),), {}, "")
    (claim,) = judge(rules, {"prune": statistics("rte", [a | b for a, b in pairs])}, weak={}, seeds=SEEDS)
    one = claim["tasks"][0]
    assert (one["verdict"], one["why"]) == (verdict, None if verdict == "upheld" else "the tree carries nothing")
