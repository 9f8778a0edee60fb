"""What holds for every input, on inputs that hypothesis draws; in float64."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.attattr import attribute
from pipeline.attattr.output import OUTPUTS

FIELDS = ("attribution", "attention_probs", "logits", "output", "baseline_output", "steps", "unconverged")
drawn = settings(deadline=None, derandomize=True, max_examples=15)
lengths_of = st.lists(st.integers(1, 14), min_size=1, max_size=4)
paths = st.sampled_from(["layer", "joint"])
seeds = st.integers(0, 1000)


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
        assert float((a.double() - b.double()).abs().max()) <= 1e-10


def rows_of(inputs, order):
    return {name: tensor[order] for name, tensor in inputs.items()}


@drawn
@given(data=st.data(), lengths=lengths_of, seed=seeds, path=paths, output=st.sampled_from(OUTPUTS))
def test_the_scores_sum_to_what_the_attention_changes(gentle, batch, with_attention, data, lengths, seed, path, output):
    inputs = batch(lengths, seed)
    target = data.draw(st.sampled_from(["predicted", 0, 1, 2]), label="target")
    chosen = {"path": path, "output": output, "steps": 32, "rule": "gauss_legendre"}
    result = attribute(gentle, **inputs | {"target": target}, **chosen)
    assert float(result.attribution.abs().max()) > 1e-5
    assert float(result.completeness_gap.abs().max()) < 1e-8
    # The output and its baseline are what they say, so that the gap is one.
    inputs.pop("target")
    zero = torch.zeros(len(lengths), 4, max(lengths), max(lengths), dtype=torch.float64)
    logits = with_attention(gentle, inputs)[0]
    assert (
        result.target.tolist()
        == (logits.argmax(dim=1) if target == "predicted" else 0 * result.target + target).tolist()
    )
    for part, given_zero in enumerate([{0: zero}, {1: zero}] if path == "layer" else [{0: zero, 1: zero}]):
        for shown, expected in (
            (result.output, logits),
            (result.baseline_output[:, part], with_attention(gentle, inputs, given_zero)[0]),
        ):
            picked = expected.detach().gather(1, result.target[:, None]).squeeze(1)
            others = expected.detach().scatter(1, result.target[:, None], -torch.inf).logsumexp(1)
            f = {
                "logit": picked,
                "margin": picked - others,
                "probability": (picked - others).sigmoid(),
                "log_probability": (picked - others).sigmoid().log(),
            }[output]
            assert float((shown - f).abs().max()) < 1e-10


@drawn
@given(data=st.data(), lengths=lengths_of, seed=seeds, path=paths, steps=st.sampled_from(["auto", 3]))
def test_permuting_the_batch_permutes_the_result(model, batch, data, lengths, seed, path, steps):
    inputs = batch(lengths, seed)
    order = data.draw(st.permutations(range(len(lengths))), label="order")
    result = attribute(model, **inputs, path=path, steps=steps)
    shuffled = attribute(model, **rows_of(inputs, order), path=path, steps=steps)
    for name in FIELDS:
        object.__setattr__(result, name, getattr(result, name)[order])
    assert_same(shuffled, result)


@drawn
@given(lengths=lengths_of, seed=seeds, extra=st.integers(1, 26), path=paths, steps=st.sampled_from(["auto", 3]))
def test_padding_changes_nothing(model, batch, lengths, seed, extra, path, steps):
    n = max(lengths)
    narrow = attribute(model, **batch(lengths, seed), path=path, steps=steps)
    wide = attribute(model, **batch(lengths, seed, width=n + extra), path=path, steps=steps)
    for name in ("attribution", "attention_probs"):
        maps = getattr(wide, name)
        assert not maps[..., n:, :].any()
        assert not maps[..., n:].any()
        object.__setattr__(wide, name, maps[..., :n, :n])
    assert_same(wide, narrow)


@drawn
@given(lengths=lengths_of, seed=seeds, token_budget=st.integers(1, 200), path=paths, steps=st.sampled_from(["auto", 3]))
def test_the_token_budget_changes_nothing(model, batch, lengths, seed, token_budget, path, steps):
    inputs = batch(lengths, seed)
    unbounded = attribute(model, **inputs, path=path, steps=steps, token_budget=10**9)
    assert_same(attribute(model, **inputs, path=path, steps=steps, token_budget=token_budget), unbounded)


def projections(model, layer):
    attention = model.bert.encoder.layer[layer].attention
    return (attention.self.query, attention.self.key, attention.self.value), attention.output.dense


@drawn
@given(
    lengths=lengths_of, seed=seeds, layer=st.integers(0, 1), order=st.permutations(range(4)), path=paths,
)  # fmt: skip
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
    result, expected = attribute(permuted, **inputs, path=path), attribute(model, **inputs, path=path)
    for name in ("attribution", "attention_probs"):
        maps = getattr(expected, name)
        maps[:, layer] = maps[:, layer, list(order)]
    assert_same(result, expected)


@drawn
@given(
    lengths=lengths_of, seed=seeds, layer=st.integers(0, 1), head=st.integers(0, 3), path=paths,
    steps=st.sampled_from(["auto", 3]),
)  # fmt: skip
def test_a_head_without_values_has_no_scores(model, batch, lengths, seed, layer, head, path, steps):
    without = copy.deepcopy(model)
    with torch.no_grad():
        value = projections(without, layer)[0][2]
        for parameter in (value.weight, value.bias):
            parameter[8 * head : 8 * head + 8] = 0
    result = attribute(without, **batch(lengths, seed), path=path, steps=steps)
    assert not result.attribution[:, layer, head].any()
    # It attends all the same, and every other head has scores.
    assert result.attention_probs[:, layer, head].any()
    for example in result.attribution.flatten(3).any(dim=3):
        assert [(at // 4, at % 4) for at, some in enumerate(example.flatten().tolist()) if not some] == [(layer, head)]
