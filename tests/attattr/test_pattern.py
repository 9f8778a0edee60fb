"""Attention patterns: what a restricted model reads, that the engine sees the same, and what is refused."""

import copy

import pytest
import torch

from attattr import AttributionError, attribute
from attattr.copies import frozen
from attattr.families import describe
from attattr.inputs import Inputs
from attattr.knockouts import knock_outs
from attattr.pattern import restrict_attention
from attattr.prefix import prefix_pass

N = 6
BERT_LIKE = ("bert", "roberta", "electra")


def pattern(*edges):
    allowed = torch.eye(N, dtype=torch.bool).repeat(2, 1, 1)
    for edge in edges:
        allowed[edge] = True
    return allowed


@pytest.fixture
def inputs():
    ids = torch.randint(5, 60, (3, N), generator=torch.Generator().manual_seed(1))
    return Inputs(ids, torch.ones_like(ids), torch.zeros_like(ids))


ALLOWED = pattern((0, 3, 1), (0, 3, 2), (1, 0, 3), (1, 0, 4))


@pytest.mark.parametrize("family", BERT_LIKE)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_nothing_else_is_read_and_softmax_runs_over_the_rest(tiny_model, inputs, family, attention):
    model = tiny_model(family, attention=attention)
    restrict_attention(model, ALLOWED)
    with torch.no_grad():
        probs = prefix_pass(frozen(model), inputs).attention_probs
    for layer, of_layer in enumerate(probs):
        assert torch.equal(of_layer[0, 0] > 0, ALLOWED[layer])
        assert torch.allclose(of_layer.sum(dim=-1), torch.ones(()), atol=1e-6)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_words_that_nobody_may_read_change_nothing(tiny_model, inputs, attention):
    model = tiny_model(attention=attention)
    restrict_attention(model, ALLOWED)
    changed = inputs.input_ids.clone()
    changed[:, 5] = 7
    with torch.no_grad():
        before, after = (model(ids, attention_mask=inputs.attention_mask).logits for ids in (inputs.input_ids, changed))
    assert torch.equal(before, after)
    changed[:, 1] = 7  # two edges away from the classifier
    with torch.no_grad():
        assert not torch.allclose(before, model(changed, attention_mask=inputs.attention_mask).logits)


def test_the_engine_reads_what_the_model_reads(tiny_model, inputs):
    model = tiny_model()
    restrict_attention(model, ALLOWED)
    with torch.no_grad():
        expected = model(**inputs.arguments()).logits
        hidden = prefix_pass(frozen(model), inputs).hidden[0]
        logits = describe(model).forward_from(0, hidden, key_mask=None)
    assert torch.allclose(logits, expected, atol=1e-5)
    result = attribute(model, **inputs.arguments(), target=0, rule="gauss_legendre", steps=64)
    assert not result.attribution[0].sum(dim=1)[~ALLOWED].any()
    assert float(result.completeness_gap.abs().max()) < 1e-4


def test_only_allowed_edges_have_an_effect(tiny_model, inputs):
    model = tiny_model()
    restrict_attention(model, ALLOWED)
    one = Inputs(*(tensor[:1] for tensor in (inputs.input_ids, inputs.attention_mask, inputs.token_type_ids)))
    logits, whole = knock_outs(model, one, per_head=False)
    changed = (logits[:, 0] - whole).abs().amax(dim=-1) > 1e-6
    assert not changed[~ALLOWED].any()
    assert all(changed[edge] for edge in ((0, 3, 1), (0, 3, 2), (1, 0, 3), (1, 0, 4)))


def test_a_second_pattern_takes_the_place_of_the_first(tiny_model, inputs):
    model, other = tiny_model(), tiny_model()
    restrict_attention(model, ALLOWED)
    restrict_attention(model, pattern((1, 0, 5)))
    restrict_attention(other, pattern((1, 0, 5)))
    with torch.no_grad():
        assert torch.equal(model(**inputs.arguments()).logits, other(**inputs.arguments()).logits)


def test_gradients_reach_the_weights(tiny_model, inputs):
    model = copy.deepcopy(tiny_model())
    restrict_attention(model, ALLOWED)
    model.train()
    model(**inputs.arguments()).logits.sum().backward()
    assert model.bert.encoder.layer[0].attention.self.value.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("family", "allowed", "message"),
    [
        ("distilbert", ALLOWED, "distilbert has no attention that can be restricted"),
        ("modernbert", ALLOWED, "modernbert has no attention that can be restricted"),
        ("bert", ALLOWED[:1], "allowed has 1 layers, but the model 2"),
        ("bert", ALLOWED.float(), r"it must be \(layer, n, n\) of bool"),
        ("bert", ALLOWED[:, :5], "it must be"),
        ("bert", torch.zeros(2, N, N, dtype=torch.bool), "leaves a query without any key"),
    ],
)
def test_a_bad_pattern_is_refused(tiny_model, family, allowed, message):
    with pytest.raises(AttributionError, match=message):
        restrict_attention(tiny_model(family), allowed)


def test_an_input_of_another_length_is_refused(tiny_model):
    model = tiny_model()
    restrict_attention(model, ALLOWED)
    with pytest.raises(AttributionError, match="the input has 4 tokens, but the attention pattern 6"):
        model(torch.ones(1, 4, dtype=torch.long))
