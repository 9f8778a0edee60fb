import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from pipeline.analysis.finetune import accuracies
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()


def test_counts_by_hand():
    labels, predicted = [0, 0, 0, 0, 2, 2, 1], [0, 0, 1, 2, 2, 0, 0]
    metrics = accuracies(predicted, labels, task=TASKS["mnli"])
    assert (metrics["n"], metrics["accuracy"]) == (7, pytest.approx(3 / 7))
    per_class = {name: (value["accuracy"], value["n"]) for name, value in metrics["per_class"].items()}
    assert per_class == {"entailment": (0.5, 4), "neutral": (0.0, 1), "contradiction": (0.5, 2)}
    wilson = binomtest(3, 7).proportion_ci(0.95, method="wilson")
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == pytest.approx((wilson.low, wilson.high))
    wilson = binomtest(2, 4).proportion_ci(0.95, method="wilson")
    entailment = metrics["per_class"]["entailment"]
    assert (entailment["low"], entailment["high"]) == pytest.approx((wilson.low, wilson.high))
    assert "f1" not in metrics


def test_a_class_that_does_not_occur_has_no_entry():
    metrics = accuracies([0, 1], [0, 0], task=TASKS["mnli"])
    assert list(metrics["per_class"]) == ["entailment"]


def test_f1_and_accuracy_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=200)
    predicted = np.where(generator.random(200) < 0.8, labels, 1 - labels)
    metrics = accuracies(predicted, labels, task=TASKS["mrpc"])
    assert metrics["f1"] == pytest.approx(f1_score(labels, predicted))
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["f1"] != pytest.approx(metrics["accuracy"], abs=1e-3)


def test_f1_without_any_positive_is_zero():
    assert accuracies([0, 0], [0, 0], task=TASKS["mrpc"])["f1"] == 0


@pytest.mark.parametrize(("task", "reported"), [("mrpc", True), ("rte", False), ("sst2", False)])
def test_f1_is_reported_for_mrpc_alone(task, reported):
    assert ("f1" in accuracies([0, 1], [0, 1], task=TASKS[task])) is reported
