import numpy as np
import pandas as pd
import pytest

from pipeline.analysis.foreign_pruning import ForeignPruning, curve_rows, functional_metrics, read
from pipeline.analysis.outcomes import Model
from pipeline.values.long import to_columns

RATES, COUNTS = (0.0, 0.5, 1.0), (0, 4, 8)
TASKS = ["mnli", "rte", "sst2"]
LABELS = [0] * 7 + [1] * 3


def hits(*rows):
    return np.array([[character == "1" for character in row] for row in rows])


FULL, HALF, NONE = "1111111110", "1111100000", "1100000000"
# A model of RTE, pruned as for each of TASKS.
CORRECT = np.stack([hits(FULL, HALF, NONE), hits(FULL, FULL, NONE), hits(FULL, NONE, NONE)])
RTE = Model("rte", 3)


def found(correct, *, rankings=TASKS, labels=LABELS):
    return ForeignPruning(rankings, RATES, COUNTS, labels, correct)


def metrics(measured):
    return functional_metrics(measured, model=RTE, draws=500, seed=0)


def test_outcomes_are_read_as_they_were_measured():
    """A prediction is right where it names the label, whichever class that is."""
    labels = np.array(LABELS)
    axes = (
        [{"ranking": task} for task in TASKS],
        [{"rate": rate, "n_masked": count} for rate, count in zip(RATES, COUNTS, strict=True)],
        [{"example_id": f"dev-{9 - number}", "label": label} for number, label in enumerate(LABELS)],
    )
    table = pd.DataFrame(to_columns(axes, predicted=np.where(CORRECT, labels, 1 - labels)))
    measured = read(table)
    assert (measured.rankings, measured.rates, measured.counts) == (TASKS, list(RATES), list(COUNTS))
    assert measured.labels == LABELS
    np.testing.assert_array_equal(measured.correct, CORRECT)


def test_curves_by_hand():
    rows = curve_rows(found(CORRECT), model=RTE)
    assert [(row["ranking"], row["rate"], row["n_masked"], row["correct"]) for row in rows[:6]] == [
        ("mnli", 0.0, 0, 9),
        ("mnli", 0.5, 4, 5),
        ("mnli", 1.0, 8, 2),
        ("rte", 0.0, 0, 9),
        ("rte", 0.5, 4, 9),
        ("rte", 1.0, 8, 2),
    ]
    assert len(rows) == 9
    for row in rows:
        assert (row["task"], row["seed"], row["n"]) == ("rte", 3, 10)
        assert row["low"] < row["accuracy"] == row["correct"] / 10 < row["high"]


def test_what_is_lost_by_hand():
    mnli, sst2 = metrics(found(CORRECT))
    assert [(part["task"], part["seed"], part["ranking"]) for part in (mnli, sst2)] == [
        ("rte", 3, "mnli"),
        ("rte", 3, "sst2"),
    ]
    # Trapezoids of (0.9, 0.9, 0.2), (0.9, 0.5, 0.2) and (0.9, 0.2, 0.2) over (0, 0.5, 1).
    assert [part["auc_own"]["value"] for part in (mnli, sst2)] == pytest.approx([72.5, 72.5])
    assert [part["auc_foreign"]["value"] for part in (mnli, sst2)] == pytest.approx([52.5, 37.5])
    assert [part["lost"]["value"] for part in (mnli, sst2)] == pytest.approx([20, 35])
    assert all(part["lost"]["low"] <= part["lost"]["value"] <= part["lost"]["high"] for part in (mnli, sst2))
    # 0.9 over ten examples is not three standard errors above the majority class, 0.7.
    assert mnli["nauc_own"] is mnli["nauc_foreign"] is mnli["nauc_lost"] is None
    assert (mnli["n"], mnli["majority"]) == (10, 0.7)


def test_normalised_aucs_where_the_model_is_clearly_better_than_the_majority():
    many = np.repeat(CORRECT, 40, axis=2)
    mnli, _ = metrics(found(many, labels=LABELS * 40))
    assert mnli["nauc_own"] == pytest.approx((0.725 - 0.7) / 0.2)
    assert mnli["nauc_foreign"] == pytest.approx((0.525 - 0.7) / 0.2)
    assert mnli["nauc_lost"] == pytest.approx(1.0)


def test_the_interval_is_paired_by_example():
    """Each example loses exactly a quarter of the area, so that nothing is uncertain about the loss."""
    own = np.random.default_rng(0).random((1, 50)) < 0.6
    always, never = np.ones((1, 50), bool), np.zeros((1, 50), bool)
    correct = np.stack([np.concatenate([own, always, always]), np.concatenate([own, always, never])])
    (part,) = metrics(found(correct, rankings=["rte", "mnli"], labels=[0] * 50))
    assert (part["lost"]["low"], part["lost"]["value"], part["lost"]["high"]) == pytest.approx((25, 25, 25))
    assert part["auc_own"]["low"] < part["auc_own"]["high"]


def test_an_equal_ranking_loses_nothing_and_one_task_has_nothing_to_lose():
    same = np.stack([CORRECT[0], CORRECT[0]])
    (part,) = metrics(found(same, rankings=["rte", "mnli"]))
    assert part["lost"] == {"value": 0, "low": 0, "high": 0}
    assert metrics(found(same[:1], rankings=["rte"])) == []
