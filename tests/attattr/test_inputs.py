"""Inputs at the edge of what a model takes, for every family; in float64, against the formula written out."""

from dataclasses import fields

import pytest
import torch
from torch.nn import functional
from transformers.models.modernbert import modeling_modernbert

from attattr import attribute
from attattr.families import FAMILIES, describe
from attattr.inputs import Inputs
from attattr.prefix import prefix_pass

SIMPSON = ([0, 1 / 2, 1], [1 / 6, 4 / 6, 1 / 6])  # clenshaw_curtis with two steps
LONGEST = 40


def rotate(query, key, cos, sin, unsqueeze_dim=1):
    def rotated(x):
        first, second = x.chunk(2, dim=-1)
        return x * cos.unsqueeze(unsqueeze_dim) + torch.cat((-second, first), dim=-1) * sin.unsqueeze(unsqueeze_dim)

    return rotated(query), rotated(key)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request, tiny_model):
    """A model that computes in float64 throughout: ModernBERT's own rotation rounds to float32."""
    # In these families the positions begin after the padding token's id, 1.
    offset = 2 if request.param in ("roberta", "camembert", "xlm-roberta") else 0
    model = tiny_model(request.param).double()
    assert model.config.max_position_embeddings - offset == LONGEST
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(modeling_modernbert, "apply_rotary_pos_emb", rotate)
        yield model


def assert_is(actual, expected):
    """Equal up to rounding in float64."""
    assert actual.dtype == expected.dtype == torch.float64
    assert actual.shape == expected.shape
    assert float((actual - expected).abs().max()) <= 1e-10 * float(expected.abs().max())


@pytest.mark.parametrize("path", ["layer", "joint"])
def test_the_longest_input_and_a_single_token_in_one_batch(
    model, random_examples, padded, formula, with_attention, path
):
    examples = random_examples([1, LONGEST, 38])
    result = attribute(model, **padded(model, examples), target=2, steps=2, path=path)
    tensors = [getattr(result, field.name) for field in fields(result) if field.name != "path"]
    assert {tensor.dtype for tensor in tensors if tensor.is_floating_point()} == {torch.float64}
    for row, example in enumerate(examples):
        n, alone = len(example), padded(model, [example])
        expected, baselines = formula(model, alone, 2, *SIMPSON, path=path)
        logits, probs = with_attention(model, alone)
        assert_is(result.attribution[row, :, :, :n, :n], expected)
        assert_is(result.attention_probs[row, :, :, :n, :n], torch.cat(probs).detach())
        assert_is(result.logits[row], logits[0].detach())
        assert_is(result.output[row], logits[0].detach().softmax(-1)[2])
        assert_is(result.baseline_output[row], baselines)
        assert not result.attribution[row, :, :, n:].any()
        assert not result.attribution[row, :, :, :, n:].any()


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize("n", [1, LONGEST])
def test_a_single_token_or_the_longest_input_alone(model, random_examples, padded, formula, n, path):
    alone = padded(model, random_examples([n], seed=3))
    result = attribute(model, **alone, target=0, steps=2, path=path)
    expected, baselines = formula(model, alone, 0, *SIMPSON, path=path)
    assert_is(result.attribution[0], expected)
    assert_is(result.baseline_output[0], baselines)
    if n == 1:
        assert torch.equal(result.attention_probs, torch.ones_like(result.attention_probs))


@pytest.mark.parametrize("family", ["bert", "electra", "albert"])
def test_a_pair_of_sequences_beside_a_single_one(tiny_model, random_examples, padded, formula, family):
    model, examples = tiny_model(family).double(), random_examples([9, 9])
    # The same tokens twice: as a pair, and as one sequence.
    examples[1].input_ids[:] = examples[0].input_ids
    examples[1].token_type_ids[:] = [0] * 9
    assert 1 in examples[0].token_type_ids
    result = attribute(model, **padded(model, examples, width=12), target=1, steps=2)
    for row, example in enumerate(examples):
        assert_is(result.attribution[row, :, :, :9, :9], formula(model, padded(model, [example]), 1, *SIMPSON)[0])
    pair, single = result.attribution
    assert float((pair - single).abs().max()) > 0.01 * float(single.abs().max())


@pytest.mark.parametrize("lengths", [[1], [7, 7], [1, 40, 20, 16]])
def test_the_engine_gives_the_models_own_logits(model, random_examples, padded, lengths):
    inputs = Inputs(**{"token_type_ids": None} | padded(model, random_examples(lengths)))
    with torch.no_grad():
        prefix = prefix_pass(model, inputs)
        expected = model(**inputs.arguments()).logits
        encoder = describe(model)
        for layer, hidden in enumerate(prefix.hidden):
            logits = encoder.forward_from(layer, hidden, key_mask=inputs.key_mask())
            assert float((logits - expected).abs().max()) < 1e-12 * float(expected.abs().max())


# What stands between the engine and a silent error.


def test_the_kernel_is_wrong_for_a_float32_mask_beside_float64_queries():
    # On a CPU. Where this fails torch has mended it, and the engine's masks need not be boolean any more.
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 20, 8, generator=generator, dtype=torch.float64)
    real = (torch.arange(20) < 12).expand(1, 1, 20, 20)
    mask = torch.zeros(1, 1, 20, 20).masked_fill(~real, torch.finfo(torch.float32).min)
    expected = (query @ key.transpose(-1, -2) * 8**-0.5 + mask).softmax(dim=-1) @ value
    boolean = functional.scaled_dot_product_attention(query, key, value, attn_mask=real)
    floating = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    assert float((boolean - expected).abs().max()) < 1e-12
    assert float((floating - expected).abs().max()) > 0.1


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("lengths", [[15, 14], [16, 15, 16], [20, 21, 22], [33, 31, 32, 30]])
def test_padding_in_float64_is_masked_at_every_length(tiny_model, random_examples, padded, formula, lengths, attention):
    # Of lengths so near to each other that they run together, padded.
    model, examples = tiny_model(layers=3, attention=attention).double(), random_examples(lengths)
    result = attribute(model, **padded(model, examples), target=1, steps=2, token_budget=10**6)
    for row, example in enumerate(examples):
        n = len(example)
        assert_is(result.attribution[row, :, :, :n, :n], formula(model, padded(model, [example]), 1, *SIMPSON)[0])
