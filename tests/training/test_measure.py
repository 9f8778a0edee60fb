import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from pipeline.predicting.examples import Example
from pipeline.training.measure import accuracy_metrics, prediction_rows


def examples(labels):
    return [Example(f"e-{number}", [1], [0], label, [[0, 0]]) for number, label in enumerate(labels)]


def logits(predicted, classes):
    return torch.nn.functional.one_hot(torch.tensor(predicted), classes).float() - 0.3


def test_counts_by_hand():
    labels, predicted = [0, 0, 0, 0, 2, 2, 1], [0, 0, 1, 2, 2, 0, 0]
    metrics = accuracy_metrics(logits(predicted, 3), examples(labels), "mnli")
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
    metrics = accuracy_metrics(logits([0, 1], 3), examples([0, 0]), "mnli")
    assert list(metrics["per_class"]) == ["entailment"]


def test_f1_and_accuracy_agree_with_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (200,), generator=generator).tolist()
    predicted = [label if torch.rand((), generator=generator) < 0.8 else 1 - label for label in labels]
    metrics = accuracy_metrics(logits(predicted, 2), examples(labels), "mrpc")
    assert metrics["f1"] == pytest.approx(f1_score(labels, predicted))
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["f1"] != pytest.approx(metrics["accuracy"], abs=1e-3)


def test_f1_without_any_positive_is_zero():
    assert accuracy_metrics(logits([0, 0], 2), examples([0, 0]), "mrpc")["f1"] == 0


@pytest.mark.parametrize(("task", "reported"), [("mrpc", True), ("rte", False), ("sst2", False)])
def test_f1_is_reported_for_mrpc_alone(task, reported):
    assert ("f1" in accuracy_metrics(logits([0, 1], 2), examples([0, 1]), task)) is reported


def test_prediction_rows_keep_order_and_logits():
    values = torch.tensor([[0.5, -1.0, 2.0], [3.0, 0.25, 0.0]])
    assert prediction_rows(values, examples([1, 0])) == [
        {"example_id": "e-0", "label": 1, "predicted": 2, "logits": [0.5, -1.0, 2.0]},
        {"example_id": "e-1", "label": 0, "predicted": 0, "logits": [3.0, 0.25, 0.0]},
    ]


def test_as_many_logits_as_examples():
    with pytest.raises(ValueError, match="zip"):
        prediction_rows(torch.zeros(2, 2), examples([0]))
