import pytest
import torch

from attattr.examples import inputs_of
from attattr.families import FAMILIES
from pipeline.errors import InputError
from pipeline.predicting.predict import check_finite, predict_logits, prediction_rows


@pytest.mark.parametrize("token_budget", ["auto", 1, 30])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_each_example_alone_in_the_given_order(
    tiny_model, random_examples, padded, family, token_budget
):
    model, examples = tiny_model(family), random_examples([9, 3, 17, 3, 12, 1])
    logits = predict_logits(model, examples, token_budget=token_budget)
    assert logits.shape == (6, 3)
    with torch.no_grad():
        alone = torch.cat([model(**padded(model, [example])).logits for example in examples])
    assert torch.allclose(logits, alone, atol=1e-5)
    # The rows differ by far more than that, so that a wrong order would be seen.
    assert torch.cdist(alone, alone).fill_diagonal_(1).min() > 1e-3


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_inputs_are_the_padded_tensors_that_the_model_takes(tiny_model, random_examples, padded, family):
    model = tiny_model(family)
    for examples in (random_examples([5]), random_examples([4, 7, 6])):
        found, expected = inputs_of(model, examples).arguments(), padded(model, examples)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_each_example_is_run_once_and_in_batches(tiny_model, random_examples):
    model, rows = tiny_model(), []
    model.register_forward_pre_hook(lambda _m, _a, kwargs: rows.append(len(kwargs["input_ids"])), with_kwargs=True)
    predict_logits(model, random_examples([6] * 11), token_budget=30)
    assert sum(rows) == 11
    assert max(rows) == 5


def test_the_model_is_left_as_it_was_and_dropout_is_off(tiny_model, random_examples):
    model, examples = tiny_model(dropout=0.5), random_examples([9, 3])
    expected = predict_logits(model, examples)
    model.train()
    model.bert.encoder.eval()
    model.classifier.weight.requires_grad_(False)
    assert torch.equal(predict_logits(model, examples), expected)
    assert not expected.requires_grad
    assert (model.training, model.bert.encoder.training, model.classifier.training) == (True, False, True)
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["classifier.weight"]


def test_logits_are_float32_whatever_the_model(tiny_model, random_examples):
    assert predict_logits(tiny_model().to(torch.bfloat16), random_examples([4])).dtype == torch.float32


def test_the_segments_matter(tiny_model, random_examples):
    model, (example,) = tiny_model(), random_examples([8])
    with_segments = predict_logits(model, [example])
    example.token_type_ids[:] = [0] * 8
    assert not torch.allclose(predict_logits(model, [example]), with_segments, atol=1e-3)


def test_logits_that_are_not_finite_are_refused_with_the_first_example(tiny_model, random_examples):
    model, examples = tiny_model(), random_examples([9, 3, 5])
    for example in examples:
        example.input_ids[:] = [6] * len(example)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[59] = torch.nan
    predict_logits(model, examples)
    examples[1].input_ids[0] = examples[2].input_ids[0] = 59
    with pytest.raises(InputError, match="logits for example e-1 are not finite: check its weights"):
        predict_logits(model, examples)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_check_finite_names_the_example(value):
    logits = torch.zeros(3, 2)
    check_finite(logits, ["a", "b", "c"])
    logits[2, 1] = value
    with pytest.raises(InputError, match="example c "):
        check_finite(logits, ["a", "b", "c"])


def test_prediction_rows_keep_order_and_logits(random_examples):
    first, second = random_examples([3, 4])
    values = torch.tensor([[0.5, -1.0, 2.0], [3.0, 0.25, 0.0]])
    assert prediction_rows(values, [first, second]) == [
        {"example_id": "e-0", "label": first.label, "predicted": 2, "logits": [0.5, -1.0, 2.0]},
        {"example_id": "e-1", "label": second.label, "predicted": 0, "logits": [3.0, 0.25, 0.0]},
    ]


def test_as_many_logits_as_examples(random_examples):
    with pytest.raises(ValueError, match="zip"):
        prediction_rows(torch.zeros(2, 2), random_examples([3]))
