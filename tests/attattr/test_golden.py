"""Agreement with values that were worked out elsewhere.

`fixtures/tiny_bert` and `fixtures/tree.json` are committed, and come from `fixtures/make_golden.py`, which writes the
definitions out. Where ATTATTR_DATA is set, values that the paper's released code gave for two random models follow.

Tolerances: a float32 engine may differ from either by a hundred-thousandth of the largest value, some eighty times the
rounding of one operation. In float64 nothing but rounding is allowed: 1e-12 of the largest value.
"""

import importlib.util
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from attattr import attribute, attribution_tree

FIXTURES = Path(__file__).parent / "fixtures"
OWN = FIXTURES / "tiny_bert"
DATA = os.environ.get("ATTATTR_DATA")
without_data = pytest.mark.skipif(not DATA, reason="ATTATTR_DATA is not set: the values are in its golden/")
RELEASED = [Path(str(DATA)) / "golden" / name for name in ("shared_small", "shared_deep")]
FOLDERS = [
    pytest.param(folder, marks=[] if folder == OWN else without_data, id=folder.name) for folder in (OWN, *RELEASED)
]
SINGLE, DOUBLE = 1e-5, 1e-12


@pytest.fixture(scope="module", params=FOLDERS)
def golden(request):
    """A model, what is expected of it, and the rule and the steps of the attribution for each kind of target."""
    folder = request.param
    model = AutoModelForSequenceClassification.from_pretrained(folder / "model", dtype=torch.float32)
    # The released code sums the left rule, the paper's equation is the right one.
    rule, steps = ("right", {"gold": 20, "predicted": 5}) if folder == OWN else ("left", {"gold": 20, "predicted": 64})
    return model, load_file(folder / "expected.safetensors"), rule, steps


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


def assert_close(actual, expected, tolerance=SINGLE):
    assert actual.shape == expected.shape
    assert float(expected.abs().max()) > 0
    assert float((actual - expected).abs().max()) <= tolerance * float(expected.abs().max())


@pytest.mark.parametrize("target", ["gold", "predicted"])
def test_each_example_alone(golden, target):
    model, values, rule, steps = golden
    assert len(examples(values)) >= 2
    for e in examples(values):
        result = attribute(model, **alone(values, e), target=values[f"{e}.{target}"], steps=steps[target], rule=rule)
        assert_close(result.attribution[0], values[f"{e}.attribution_{rule}{steps[target]}_{target}"])
        assert_close(result.attention_probs[0], values[f"{e}.attention_probs"])
        assert_close(result.logits[0], values[f"{e}.logits"])


@pytest.mark.parametrize("target", ["gold", "predicted"])
def test_all_examples_as_one_padded_batch(golden, target):
    model, values, rule, steps = golden
    chosen = "predicted" if target == "predicted" else torch.cat([values[f"{e}.gold"] for e in examples(values)])
    result = attribute(model, **together(values), target=chosen, steps=steps[target], rule=rule)
    for row, e in enumerate(examples(values)):
        n = len(values[f"{e}.input_ids"])
        assert int(result.target[row]) == int(values[f"{e}.{target}"])
        assert_close(result.logits[row], values[f"{e}.logits"])
        assert_close(result.attention_probs[row, :, :, :n, :n], values[f"{e}.attention_probs"])
        assert_close(result.attribution[row, :, :, :n, :n], values[f"{e}.attribution_{rule}{steps[target]}_{target}"])


def test_head_importance_as_the_sum_over_examples_of_the_largest_score(golden):
    model, values, rule, _ = golden
    gold = torch.cat([values[f"{e}.gold"] for e in examples(values)])
    result = attribute(model, **together(values), target=gold, steps=20, rule=rule)
    lengths = [len(values[f"{e}.input_ids"]) for e in examples(values)]
    # A head all of whose scores are negative has a negative maximum, which the zeros at padding would hide.
    largest = [result.attribution[row, :, :, :n, :n].amax(dim=(2, 3)) for row, n in enumerate(lengths)]
    assert_close(torch.stack(largest).sum(dim=0), values[f"head_importance_{rule}20_gold"])


def test_the_plain_forward_pass_of_the_tests_gives_the_golden_attention_too(golden, with_attention):
    model, values, _, _ = golden
    logits, probs = with_attention(model, alone(values, "0"))
    assert_close(logits[0].detach(), values["0.logits"])
    assert_close(torch.stack(probs)[:, 0].detach(), values["0.attention_probs"])


def test_the_classifier_itself_gives_the_golden_logits(golden):
    model, values, _, _ = golden
    with torch.no_grad():
        logits = model(**together(values)).logits
    assert_close(logits, torch.stack([values[f"{e}.logits"] for e in examples(values)]))


# What is committed, in float64.


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_golden", FIXTURES / "make_golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_in_float64_nothing_but_rounding_is_left():
    model = AutoModelForSequenceClassification.from_pretrained(OWN / "model", dtype=torch.float64)
    values = load_file(OWN / "expected.safetensors")
    for target, steps in (("gold", 20), ("predicted", 5)):
        chosen = torch.cat([values[f"{e}.{target}"] for e in examples(values)])
        result = attribute(model, **together(values), target=chosen, steps=steps, rule="right")
        for row, e in enumerate(examples(values)):
            n = len(values[f"{e}.input_ids"])
            found = result.attribution[row, :, :, :n, :n]
            assert_close(found, values[f"{e}.attribution_right{steps}_{target}"], DOUBLE)
            assert_close(result.logits[row], values[f"{e}.logits"], DOUBLE)


def test_the_committed_values_are_those_of_the_committed_script(script):
    stored = load_file(OWN / "model" / "model.safetensors")
    assert stored.keys() == script.weights().keys()
    for name, weight in script.weights().items():
        torch.testing.assert_close(stored[name], weight)
    assert json.loads((OWN / "model" / "config.json").read_text()) == script.CONFIG
    values, again = load_file(OWN / "expected.safetensors"), script.expected(stored)
    assert values.keys() == again.keys()
    for name, value in values.items():
        torch.testing.assert_close(value, again[name], rtol=0, atol=1e-12)
    tree = json.loads((FIXTURES / "tree.json").read_text())
    assert tree["head_sum"] == script.head_sums()
    assert tree["trees"] == [script.tree(tree["head_sum"], **thresholds) for thresholds in script.TREES]


@pytest.mark.parametrize("number", [0, 1])
def test_a_tree_that_was_grown_over_lists(number):
    file = json.loads((FIXTURES / "tree.json").read_text())
    expected = file["trees"][number]
    thresholds = {name: expected[name] for name in ("tau", "tau_last", "lam")}
    tree = attribution_tree(torch.tensor(file["head_sum"], dtype=torch.float64), **thresholds)
    assert tree.root == expected["root"]
    assert [list(edge) for edge in tree.edges] == expected["edges"]
    assert len(tree.inner) >= 2
