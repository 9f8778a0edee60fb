"""What the outputs are: classes, labels that do not exclude each other, values; said as transformers' pipeline does."""

import json
import re

import pytest
import torch
from transformers import pipeline

from attattr import explain
from attattr.viewer.store import FACTS, MAPS, read_views, view_files

TEXT = "the film is not good"
MULTI_LABEL, REGRESSION = "multi_label_classification", "regression"


@pytest.fixture
def said(tiny_model, tokenizer):
    """`said(problem, biases)`: a model with these biases of its outputs, a text explained, transformers' scores."""

    def make(problem, biases, *, function=None):
        model = tiny_model(labels=len(biases))
        names = [f"name{number}" for number in range(len(biases))]
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: number for number, name in enumerate(names)}
        model.config.problem_type = problem
        with torch.no_grad():
            model.classifier.bias += torch.tensor(biases)
        plain = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None, device="cpu")
        scores = {one["label"]: one["score"] for one in plain([TEXT], function_to_apply=function)[0]}
        return explain(model, tokenizer, [TEXT], shares=False), [scores[name] for name in names]

    return make


MEMBERS = {
    "classes": (None, [0.0, 1.0, -1.0]),
    "two classes": ("single_label_classification", [0.0, 1.0]),
    "labels": (MULTI_LABEL, [3.0, -3.0, 0.0]),
    "two labels": (MULTI_LABEL, [9.0, 2.0]),
    "one label": (MULTI_LABEL, [0.0]),
    "all labels": (MULTI_LABEL, [9.0, 9.0, 9.0]),
    "no label": (MULTI_LABEL, [-9.0, -8.0, -9.0]),
    "many labels": (MULTI_LABEL, [5.0, 7.0, -9.0, 8.0, 6.0, 9.0]),
}


@pytest.mark.parametrize(("problem", "biases"), MEMBERS.values(), ids=MEMBERS)
def test_probabilities_are_those_of_transformers(said, problem, biases):
    found, scores = said(problem, biases)
    (view,) = found.views
    assert view.probabilities == pytest.approx(scores, abs=1e-5)
    assert view.values == ()
    best = max(range(len(scores)), key=scores.__getitem__)
    content = json.loads(found.to_json())
    (record,) = content["texts"]
    if problem == MULTI_LABEL:
        expected = [label for label, score in enumerate(scores) if score > 0.5]
        assert sorted(view.predicted) == sorted(record["predicted"]) == expected
        assert (view.kind, content["kind"], content["output"]) == ("labels", "labels", "logit")
    else:
        assert view.predicted == (record["predicted"],) == (best,)
        assert (view.kind, content["kind"], content["output"]) == ("classes", "classes", "probability")
    # The likeliest is explained first, predicted or not.
    assert view.explanations[0].target == record["target"] == best
    assert record["probabilities"] == pytest.approx(scores, rel=1e-3)
    for number, score in enumerate(scores):
        notes = ["predicted"] * (number in view.predicted) + ["explained"] * (number == best)
        line = rf"\nname{number} +{score:.3f}" + (f"  {', '.join(notes)}" if notes else "")
        assert re.search(rf"{line}\n", found.to_text())
    assert ("here none is" in found.to_text()) == (not view.predicted)


@pytest.mark.parametrize(("problem", "biases"), [(REGRESSION, [0.5]), (None, [-5.0]), (REGRESSION, [-2.0, 3.0])])
def test_values_are_those_of_transformers_and_no_probabilities(said, problem, biases):
    # Of one output without a problem type, which it trains as a regression, the pipeline takes the sigmoid.
    found, scores = said(problem, biases, function="none")
    (view,) = found.views
    assert (view.kind, view.probabilities, view.predicted) == ("values", [], ())
    assert view.values == pytest.approx(scores, abs=1e-5)
    content = json.loads(found.to_json())
    (record,) = content["texts"]
    assert (content["kind"], content["output"]) == ("values", "value")
    assert record["values"] == pytest.approx(scores, rel=1e-3)
    assert record["value"] == record["values"][record["target"]] == max(record["values"])
    assert not {"probabilities", "predicted"} & set(record)
    assert "predicted" not in found.to_text()
    assert all(re.search(rf"\nname{number} +{score:.3f}", found.to_text()) for number, score in enumerate(scores))


def test_of_many_labels_the_four_likeliest_that_are_predicted_are_explained(said):
    found, scores = said(MULTI_LABEL, [5.0, 7.0, -9.0, 8.0, 6.0, 9.0])
    (view,) = found.views
    order = sorted(range(6), key=lambda label: -scores[label])
    assert list(view.predicted) == order[:5]
    assert {one.target for one in view.explanations} == set(order[:4])


@pytest.mark.parametrize(("problem", "biases"), [(MULTI_LABEL, [9.0, -9.0]), (REGRESSION, [0.5])])
def test_views_are_read_back_from_files(said, tmp_path, problem, biases):
    (view,) = said(problem, biases)[0].views
    for name, content in view_files([view]).items():
        (tmp_path / name).write_bytes(content)
    assert {MAPS, FACTS} == {path.name for path in tmp_path.iterdir()}
    (again,) = read_views(tmp_path)
    for name in ("kind", "probabilities", "predicted"):
        assert getattr(again, name) == getattr(view, name)
    assert again.values == pytest.approx(view.values)


SHOWN = {
    "labels": (MULTI_LABEL, [3.0, -3.0, 2.0], "Labels have a probability each, and are predicted above 0.5."),
    "no label": (
        MULTI_LABEL,
        [-9.0, -8.0],
        "Labels have a probability each, and are predicted above 0.5; here none is.",
    ),
    "value": (REGRESSION, [0.5], "No probabilities: the model is a regression, and these are its values."),
    "classes": (None, [0.0, 1.0], None),
}


@pytest.mark.parametrize(("problem", "biases", "meaning"), SHOWN.values(), ids=SHOWN)
def test_the_page_says_what_the_numbers_are(said, opened, problem, biases, meaning):
    found, scores = said(problem, biases)
    (view,) = found.views
    numbers = view.values or scores
    tab = opened(found.to_html())
    header = tab.locator(".viewer header")
    shown = header.locator(".classes button").all_inner_texts()
    for number, text in enumerate(shown):
        name, value, *notes = text.split(" · ")
        assert name == f"name{number}"
        assert float(value.replace("−", "-")) == pytest.approx(numbers[number], abs=2e-3)
        assert notes == ["predicted"] * (number in view.predicted)
    assert len(shown) == len(biases)
    notes = [text for text in header.locator("p.note").all_inner_texts() if text]
    assert notes == ([] if meaning is None else [meaning])
    if problem == REGRESSION:
        assert "change of the value without" in header.locator("th").nth(3).text_content()
