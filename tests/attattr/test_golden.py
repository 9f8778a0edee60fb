"""Agreement with values that the paper's released code gave for two random models."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from pipeline.attattr import attribute

DATA = os.environ.get("ATTATTR_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="ATTATTR_DATA is not set: the golden values are in its golden/")

# name in the file: (steps, target)
ATTRIBUTIONS = {"attribution_left20_gold": (20, "gold"), "attribution_left64_predicted": (64, "predicted")}


@pytest.fixture(scope="module", params=["shared_small", "shared_deep"])
def golden(request):
    folder = Path(str(DATA)) / "golden" / request.param
    model = AutoModelForSequenceClassification.from_pretrained(folder / "model", dtype=torch.float32)
    return model, load_file(folder / "expected.safetensors")


def examples(values):
    return sorted({key.split(".")[0] for key in values if "." in key}, key=int)


def alone(values, example):
    ids = values[f"{example}.input_ids"][None]
    types = values[f"{example}.token_type_ids"][None]
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": types}


def together(values):
    """All examples as one padded batch."""
    sequence = torch.nn.utils.rnn.pad_sequence
    rows = [alone(values, example) for example in examples(values)]
    return {name: sequence([row[name][0] for row in rows], batch_first=True) for name in rows[0]}


def assert_close(actual, expected):
    assert actual.shape == expected.shape
    assert float((actual - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_each_example_alone(golden, name):
    model, values = golden
    steps, target = ATTRIBUTIONS[name]
    assert len(examples(values)) == 3
    for e in examples(values):
        result = attribute(model, **alone(values, e), target=values[f"{e}.{target}"], steps=steps, rule="left")
        assert_close(result.attribution[0], values[f"{e}.{name}"])
        assert_close(result.attention_probs[0], values[f"{e}.attention_probs"])
        assert_close(result.logits[0], values[f"{e}.logits"])


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_all_examples_as_one_padded_batch(golden, name):
    model, values = golden
    steps, target = ATTRIBUTIONS[name]
    chosen = "predicted" if target == "predicted" else torch.cat([values[f"{e}.gold"] for e in examples(values)])
    result = attribute(model, **together(values), target=chosen, steps=steps, rule="left")
    for row, e in enumerate(examples(values)):
        n = len(values[f"{e}.input_ids"])
        assert int(result.target[row]) == int(values[f"{e}.{target}"])
        assert_close(result.logits[row], values[f"{e}.logits"])
        assert_close(result.attention_probs[row, :, :, :n, :n], values[f"{e}.attention_probs"])
        assert_close(result.attribution[row, :, :, :n, :n], values[f"{e}.{name}"])


def test_head_importance_as_the_sum_over_examples_of_the_largest_score(golden):
    model, values = golden
    gold = torch.cat([values[f"{e}.gold"] for e in examples(values)])
    result = attribute(model, **together(values), target=gold, steps=20, rule="left")
    lengths = [len(values[f"{e}.input_ids"]) for e in examples(values)]
    # A head all of whose scores are negative has a negative maximum, which the zeros at padding would hide.
    largest = [result.attribution[row, :, :, :n, :n].amax(dim=(2, 3)) for row, n in enumerate(lengths)]
    assert_close(torch.stack(largest).sum(dim=0), values["head_importance_left20_gold"])


def test_the_plain_forward_pass_of_the_tests_gives_the_golden_attention_too(golden, with_attention):
    model, values = golden
    logits, probs = with_attention(model, alone(values, "0"))
    assert_close(logits[0].detach(), values["0.logits"])
    assert_close(torch.stack(probs)[:, 0].detach(), values["0.attention_probs"])


def test_the_classifier_itself_gives_the_golden_logits(golden):
    model, values = golden
    with torch.no_grad():
        logits = model(**together(values)).logits
    assert_close(logits, torch.stack([values[f"{e}.logits"] for e in examples(values)]))
