"""The engine's layer against plain torch where it is not an encoder's of today: shared keys, causality, other rows."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from attattr.attention import eager_attention
from attattr.encoder import ALL_ROWS, Encoder, EncoderLayer

HEADS, WIDTH, HIDDEN, N = 4, 3, 10, 6


@pytest.fixture(params=[4, 2, 1])
def kv_heads(request):
    return request.param


@pytest.fixture(params=[True, False])
def bias(request):
    return request.param


def drawn(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def layer(kv_heads, bias):
    rows = (HEADS + 2 * kv_heads) * WIDTH
    return EncoderLayer(
        qkv_weight=drawn(rows, HIDDEN, seed=1),
        qkv_bias=drawn(rows, seed=2) if bias else None,
        output_weight=drawn(HIDDEN, HEADS * WIDTH, seed=3),
        output_bias=None,
        complete=torch.tanh,
        heads=HEADS,
        kv_heads=kv_heads,
    )


X = drawn(2, N, HIDDEN, seed=4)
REAL = torch.tensor([[True] * N, [True] * 4 + [False] * 2])


def by_hand(layer, *, causal, padded, window=None, heads=range(HEADS)):
    """Probabilities and contexts of all rows, `(batch, head, ...)`, one number after another."""
    q, k, v = (HEADS * WIDTH, layer.kv_heads * WIDTH, layer.kv_heads * WIDTH)
    weights = layer.qkv_weight.split([q, k, v])
    biases = [0, 0, 0] if layer.qkv_bias is None else layer.qkv_bias.split([q, k, v])
    query, key, value = (X @ weight.T + shift for weight, shift in zip(weights, biases, strict=True))
    probs = torch.zeros(2, len(heads), N, N, dtype=torch.float64)
    context = torch.zeros(2, len(heads), N, WIDTH, dtype=torch.float64)
    for row in range(2):
        for place, head in enumerate(heads):
            own, shared = head * WIDTH, head * layer.kv_heads // HEADS * WIDTH
            for i in range(N):
                reads = [
                    j
                    for j in range(N)
                    if (not causal or j <= i)
                    and (window is None or abs(i - j) <= window)
                    and (not padded or bool(REAL[row, j]))
                ] or [i]
                scores = [float(query[row, i, own : own + WIDTH] @ key[row, j, shared : shared + WIDTH]) for j in reads]
                for j, p in zip(reads, (torch.tensor(scores).double() * WIDTH**-0.5).softmax(0).tolist(), strict=True):
                    probs[row, place, i, j] = p
                    context[row, place, i] += p * value[row, j, shared : shared + WIDTH]
    return probs, context.transpose(1, 2).flatten(2)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(("causal", "window"), [(False, None), (True, None), (True, 2), (False, 2)])
def test_shared_keys_and_causality_are_those_of_plain_attention(layer, causal, window, padded):
    layer = replace(layer, causal=causal, window=window)
    key_mask = REAL[:, None, None] if padded else None
    probs, context = by_hand(layer, causal=causal, padded=padded, window=window)
    found, value = layer.attention(X, key_mask=key_mask, rows=ALL_ROWS)
    real = (REAL if padded else torch.ones_like(REAL))[:, :, None]
    torch.testing.assert_close(found * real[:, None], probs * real[:, None], atol=1e-6, rtol=1e-6)
    assert value.shape == layer.value(X).shape == (2, HEADS, N, WIDTH)
    assert torch.equal(value, layer.value(X))
    for rows in (ALL_ROWS, slice(0, 1), slice(3, 4), slice(1, 4)):
        part = layer.context(X, key_mask=key_mask, rows=rows) * real[:, rows]
        torch.testing.assert_close(part, (context * real)[:, rows], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kept", [[0, 3], [1], [1, 2, 3]])
def test_a_layer_without_some_heads_has_the_context_of_the_others(layer, causal, kept):
    keep = torch.zeros(HEADS, dtype=torch.bool)
    keep[kept] = True
    narrow = replace(layer, causal=causal).restricted(keep)
    _, context = by_hand(layer, causal=causal, padded=False, heads=kept)
    for rows in (ALL_ROWS, slice(2, 3)):
        torch.testing.assert_close(narrow.context(X, key_mask=None, rows=rows), context[:, rows], atol=1e-6, rtol=1e-6)
    assert torch.equal(narrow.output_weight, layer.output_weight.view(HIDDEN, HEADS, WIDTH)[:, kept].flatten(1))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("row", [0, 2, N - 1])
def test_the_readout_sees_its_own_row_of_all_rows(layer, causal, row):
    layers = (replace(layer, causal=causal), replace(layer, causal=causal, qkv_weight=-layer.qkv_weight))
    encoder = Encoder(layers, lambda hidden: hidden[:, 0, :3], readout_row=row)
    assert [encoder.rows(0), encoder.rows(1)] == [ALL_ROWS, slice(row, row + 1)]
    hidden = X
    for part in layers:
        hidden = part.finish(part.project(part.context(hidden, key_mask=None, rows=ALL_ROWS)), hidden)
    torch.testing.assert_close(encoder.forward_from(0, X, key_mask=None), hidden[:, row, :3])
    # A causal layer's row cannot depend on what follows.
    later = X.clone()
    later[:, row + 1 :] += 1
    same = torch.allclose(encoder.forward_from(0, later, key_mask=None), hidden[:, row, :3])
    assert same == (causal or row == N - 1)


def test_recorded_attention_expands_shared_keys_as_torch_does(kv_heads):
    query, key, value = drawn(2, HEADS, N, WIDTH, seed=5), *(drawn(2, kv_heads, N, WIDTH, seed=s) for s in (6, 7))
    context, probs = eager_attention(query, key, value, None, WIDTH**-0.5)
    expected = functional.scaled_dot_product_attention(query, key, value, enable_gqa=True)
    torch.testing.assert_close(context, expected)
    assert probs.shape == (2, HEADS, N, N)
