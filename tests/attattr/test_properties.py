"""What holds for every input, on inputs that hypothesis draws; in float64."""

import copy
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import pad

from attattr import Attribution, attribute

FIELDS = [field.name for field in fields(Attribution) if field.name != "path"]
drawn = settings(deadline=None, derandomize=True, max_examples=12)
# Examples of nearly the same length run together.
lengths_of = st.lists(st.integers(1, 14) | st.integers(12, 14), min_size=1, max_size=4)
paths = st.sampled_from(["layer", "joint"])
seeds = st.integers(0, 1000)
counts = st.sampled_from([{"steps": 3}, {"steps": "auto", "max_steps": 16}])


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model(seed=2).double()


@pytest.fixture(scope="module")
def gentle(model):
    """Weights by which no path curves so much that 32 nodes leave an error."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "embeddings" not in name:
                parameter.mul_(0.3)
    return model


@pytest.fixture(scope="module")
def batch(model, random_examples, padded):
    """`batch(lengths, seed, width=None)`: arguments of `attribute`; the targets are the labels."""

    def make(lengths, seed, *, width=None):
        examples = random_examples(lengths, seed=seed)
        return padded(model, examples, width=width) | {"target": torch.tensor([e.label for e in examples])}

    return make


def assert_same(actual, expected):
    """All that a result holds, up to rounding."""
    for name in FIELDS:
        a, b = getattr(actual, name), getattr(expected, name)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        # With a number of steps the last change is not a number, in all places.
        assert torch.equal(a.isnan(), b.isnan())
        assert float((a.double() - b.double()).nan_to_num().abs().max()) <= 1e-10


def rows_of(inputs, order):
    return {name: tensor[order] for name, tensor in inputs.items()}


F = {
    "logit": lambda logits: logits,
    "probability": lambda logits: logits.exp() / logits.exp().sum(dim=1, keepdim=True),
    "log_probability": lambda logits: logits - logits.exp().sum(dim=1, keepdim=True).log(),
    "margin": lambda logits: logits - (logits.exp().sum(dim=1, keepdim=True) - logits.exp()).log(),
}


@drawn
@given(lengths=lengths_of, seed=seeds, target=st.integers(0, 2), path=paths, output=st.sampled_from(list(F)))
def test_the_scores_sum_to_what_the_attention_changes(
    gentle, batch, with_attention, lengths, seed, target, path, output
):
    inputs = batch(lengths, seed) | {"target": target}
    chosen = {"path": path, "output": output, "steps": 32, "rule": "gauss_legendre"}
    result = attribute(gentle, **inputs, **chosen)
    inputs.pop("target")
    zero = torch.zeros(len(lengths), 4, max(lengths), max(lengths), dtype=torch.float64)

    def f(given_attention):
        return F[output](with_attention(gentle, inputs, given_attention)[0])[:, target].detach()

    blocks = [{0: zero}, {1: zero}] if path == "layer" else [{0: zero, 1: zero}]
    change = torch.stack([f({}) - f(block) for block in blocks], dim=1)
    sums = result.attribution.sum(dim=(2, 3, 4))
    total = sums if path == "layer" else sums.sum(dim=1, keepdim=True)
    assert float(change.abs().max()) > 1e-5
    assert float((total - change).abs().max()) < 1e-8
    assert float((result.completeness_gap - (total - change)).abs().max()) < 1e-10


@drawn
@given(data=st.data(), lengths=lengths_of, seed=seeds, path=paths, steps=counts)
def test_permuting_the_batch_permutes_the_result(model, batch, data, lengths, seed, path, steps):
    inputs = batch(lengths, seed)
    order = data.draw(st.permutations(range(len(lengths))), label="order")
    result = attribute(model, **inputs, path=path, **steps)
    shuffled = attribute(model, **rows_of(inputs, order), path=path, **steps)
    assert_same(shuffled, replace(result, **{name: getattr(result, name)[order] for name in FIELDS}))


@drawn
@given(lengths=lengths_of, seed=seeds, extra=st.integers(1, 26), path=paths, steps=counts)
def test_padding_changes_nothing(model, batch, lengths, seed, extra, path, steps):
    n = max(lengths)
    narrow = attribute(model, **batch(lengths, seed), path=path, **steps)
    wide = attribute(model, **batch(lengths, seed, width=n + extra), path=path, **steps)
    beyond = (0, extra, 0, extra)
    maps = {name: pad(getattr(narrow, name), beyond) for name in ("attribution", "attention_probs")}
    assert_same(wide, replace(narrow, **maps))


@drawn
@given(lengths=lengths_of, seed=seeds, token_budget=st.integers(1, 200), path=paths, steps=counts)
def test_the_token_budget_changes_nothing(model, batch, lengths, seed, token_budget, path, steps):
    inputs = batch(lengths, seed)
    unbounded = attribute(model, **inputs, path=path, **steps, token_budget=10**9)
    assert_same(attribute(model, **inputs, path=path, **steps, token_budget=token_budget), unbounded)


def projections(model, layer):
    attention = model.bert.encoder.layer[layer].attention
    return (attention.self.query, attention.self.key, attention.self.value), attention.output.dense


@drawn
@given(
    lengths=lengths_of,
    seed=seeds,
    layer=st.integers(0, 1),
    order=st.permutations(range(4)),
    path=paths,
)
def test_permuting_the_heads_of_a_layer_permutes_its_scores_alone(model, batch, lengths, seed, layer, order, path):
    inputs = batch(lengths, seed)
    permuted = copy.deepcopy(model)
    columns = torch.arange(32).view(4, 8)[list(order)].flatten()
    with torch.no_grad():
        inward, outward = projections(permuted, layer)
        for projection in inward:
            projection.weight.copy_(projection.weight[columns])
            projection.bias.copy_(projection.bias[columns])
        outward.weight.copy_(outward.weight[:, columns])
    result, expected = (attribute(each, **inputs, path=path, max_steps=16) for each in (permuted, model))
    for name in ("attribution", "attention_probs"):
        maps = getattr(expected, name)
        maps[:, layer] = maps[:, layer, list(order)]
    assert_same(result, expected)


@drawn
@given(
    lengths=lengths_of,
    seed=seeds,
    layer=st.integers(0, 1),
    head=st.integers(0, 3),
    path=paths,
    steps=counts,
)
def test_a_head_without_values_has_no_scores(model, batch, lengths, seed, layer, head, path, steps):
    without = copy.deepcopy(model)
    with torch.no_grad():
        value = projections(without, layer)[0][2]
        for parameter in (value.weight, value.bias):
            parameter[8 * head : 8 * head + 8] = 0
    result = attribute(without, **batch(lengths, seed), path=path, **steps)
    assert not result.attribution[:, layer, head].any()
    # It attends all the same, and every other head has scores.
    assert result.attention_probs[:, layer, head].any()
    for example in result.attribution.flatten(3).any(dim=3):
        assert [(at // 4, at % 4) for at, some in enumerate(example.flatten().tolist()) if not some] == [(layer, head)]
