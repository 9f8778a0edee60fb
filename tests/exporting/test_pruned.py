"""Models without heads: the same logits as under a mask, fewer weights, and files that transformers opens alone."""

import json
import os
import subprocess
import sys

import pytest
import torch

from attattr import AttributionError, attribute, masked_heads
from pipeline.exporting.pruned import CLASSES, pruned

MASK = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0]])
LENGTHS = [6, 13]


def logits_under(model, mask, inputs):
    with torch.no_grad():
        return masked_heads(model, mask)(**inputs).logits


@pytest.fixture(params=sorted(CLASSES))
def model(request, tiny_model):
    return tiny_model(request.param, layers=3)


@pytest.fixture
def inputs(model, random_examples, padded):
    return padded(model, random_examples(LENGTHS))


def test_the_logits_are_those_of_the_masked_model(model, inputs):
    for mask in (MASK, torch.ones(3, 4), torch.zeros(3, 4)):
        with torch.no_grad():
            assert torch.allclose(pruned(model, mask)(**inputs).logits, logits_under(model, mask, inputs), atol=1e-5)
    # A mask that did nothing would be the same as well.
    assert not torch.allclose(
        logits_under(model, MASK, inputs), logits_under(model, torch.ones(3, 4), inputs), atol=0.01
    )


def test_the_model_itself_is_left_as_it_was(model, inputs):
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    pruned(model, MASK)
    assert all(torch.equal(weights, before[name]) for name, weights in model.state_dict().items())
    assert getattr(model.config, "kept_heads", None) is None


def test_each_head_takes_its_weights_along(model):
    # Of each head 8 rows of three projections, with biases, and 8 columns of a fourth: 8 * (3 * 33 + 32).
    whole, small = (sum(p.numel() for p in one.parameters()) for one in (model, pruned(model, MASK)))
    assert whole - small == 7 * 8 * (3 * 33 + 32)


OPENED = """
import json, sys, torch
from transformers import AutoModelForSequenceClassification
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1], trust_remote_code=True)
inputs = {name: torch.tensor(rows) for name, rows in json.loads(sys.argv[2]).items()}
assert not any(name.startswith(("attattr", "pipeline")) for name in sys.modules)
print(json.dumps(model.eval()(**inputs).logits.tolist()))
"""


@pytest.mark.parametrize("model", ["bert", pytest.param("distilbert", marks=pytest.mark.slow)], indirect=True)
def test_transformers_alone_opens_the_folder(model, inputs, tmp_path):
    pruned(model, MASK).save_pretrained(tmp_path / "small")
    given = json.dumps({name: tensor.tolist() for name, tensor in inputs.items()})
    environment = os.environ | {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-P", "-c", OPENED, str(tmp_path / "small"), given]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = torch.tensor(json.loads(done.stdout))
    assert torch.allclose(found, logits_under(model, MASK, inputs), atol=1e-5)


def test_what_cannot_lose_heads_is_refused(tiny_model):
    for family in ("albert", "modernbert"):
        with pytest.raises(AttributionError, match=f"heads of {family} cannot be taken out of its weights: bert,"):
            pruned(tiny_model(family), torch.ones(2, 4))
    model = tiny_model()
    for mask in (torch.ones(3, 4), torch.full((2, 4), 0.5), torch.ones(1, 2, 4)):
        with pytest.raises(AttributionError, match=r"a 1 or a 0 for each of \(layer, head\) = \(2, 4\)"):
            pruned(model, mask)
    with pytest.raises(AttributionError, match="have been taken out already"):
        pruned(pruned(model, torch.ones(2, 4)), torch.ones(2, 4))


def test_a_pruned_model_is_not_attributed(tiny_model, random_examples, padded):
    model = tiny_model()
    inputs = padded(model, random_examples(LENGTHS))
    with pytest.raises(AttributionError, match="has layers of different numbers of heads: explain the whole model"):
        attribute(pruned(model, MASK[:2]), **inputs, target=0)
