"""The tree of masked passes, against the model itself under masks, and what it computes once, or not at all."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from attattr import masked_heads
from attattr.branching import Masks, masked_passes, under_edge_masks, under_head_masks
from attattr.faithfulness import masked_edges
from attattr.families import FAMILIES, describe
from attattr.inputs import Inputs
from attattr.prefix import entering

N = 7
BUDGETS = [1, 3 * N, 10_000]


def inputs(model: Any, padding: int = 0) -> Inputs:
    """Three examples; the second ends with padding."""
    ids = torch.randint(5, 50, (3, N), generator=torch.Generator().manual_seed(3))
    mask = torch.ones_like(ids)
    mask[1, N - padding :] = 0
    types = (torch.arange(N) > 3).long().expand(3, -1) if model.config.model_type == "bert" else None
    return Inputs(ids.where(mask.bool(), model.config.pad_token_id or 0), mask, types)


def leave_one_out(layers: int, heads: int) -> Tensor:
    """The full mask, then one without each head."""
    return torch.cat([torch.ones(1, layers, heads), (1 - torch.eye(layers * heads)).view(-1, layers, heads)])


def many_masks(layers: int, heads: int) -> Tensor:
    """Masks of every kind: random, with whole layers removed, left-out heads, nothing, and shares of heads."""
    generator = torch.Generator().manual_seed(4)
    masks = (torch.rand(8, layers, heads, generator=generator) > 0.5).float()
    masks[1, 0], masks[2, -1], masks[3, 1], masks[4] = 0, 0, 0, masks[5]
    shares = torch.rand(2, layers, heads, generator=generator)
    return torch.cat([masks, leave_one_out(layers, heads), shares, torch.zeros(1, layers, heads)])


@torch.no_grad()
def passes(
    model: Any,
    source: Tensor,
    masks: Tensor,
    *,
    padding: int = 0,
    attend: Any = under_head_masks,
    budget: int = 10_000,
) -> Tensor:
    given = inputs(model, padding)
    hidden, _ = entering(model, given)
    return masked_passes(
        describe(model),
        hidden,
        source,
        Masks.of(masks),
        key_mask=given.key_mask(),
        attend=attend,
        token_budget=budget,
    )


@torch.no_grad()
def by_the_model(model: Any, source: Tensor, masks: Tensor, *, padding: int = 0, masked: Any = masked_heads) -> Tensor:
    """Each item by itself, without its padding."""
    given = inputs(model, padding)
    logits = []
    for row, mask in zip(source.tolist(), masks, strict=True):
        one = given.select(torch.tensor([row]))
        n = int(one.lengths)
        own = masked(model, mask[None] if mask.ndim == 2 else mask[None, :, :n, :n])
        logits.append(own(**one.arguments()).logits)
    return torch.cat(logits)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("attention", "padding"), [("sdpa", 0), ("eager", 0), ("sdpa", 2)])
def test_head_masks_in_every_family(
    tiny_model: Callable[..., Any], family: str, attention: str, padding: int, budget: int
):
    model = tiny_model(family, layers=3, attention=attention)
    masks = many_masks(3, 4)
    source = torch.arange(len(masks)) % 3
    found = passes(model, source, masks, padding=padding, budget=budget)
    torch.testing.assert_close(found, by_the_model(model, source, masks, padding=padding), atol=1e-5, rtol=1e-5)
    assert len({tuple(row) for row in found.tolist()}) > len(masks) // 2


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_edge_masks_in_every_family(tiny_model: Callable[..., Any], family: str, padding: int, budget: int):
    model = tiny_model(family, layers=3)
    masks = torch.rand(9, 3, N, N, generator=torch.Generator().manual_seed(5)) > 0.5
    masks[0], masks[1, :2], masks[2, :2], masks[3, 2] = True, True, True, False
    source = torch.arange(len(masks)) % 3
    found = passes(model, source, masks, padding=padding, attend=under_edge_masks, budget=budget)
    expected = by_the_model(model, source, masks, padding=padding, masked=masked_edges)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_one_layer_and_one_example(tiny_model: Callable[..., Any]):
    model, masks, source = tiny_model(layers=1), many_masks(2, 4)[:, :1], torch.zeros(20, dtype=torch.long)
    torch.testing.assert_close(passes(model, source, masks), by_the_model(model, source, masks))


def feed_forward_shapes(model: Any) -> list[list[tuple[int, int]]]:
    """For every layer, a list that grows by the passes and tokens of each of its batches."""
    shapes: list[list[tuple[int, int]]] = []
    for layer in model.bert.encoder.layer:
        own: list[tuple[int, int]] = []
        layer.intermediate.register_forward_pre_hook(lambda _, args, own=own: own.append(tuple(args[0].shape[:2])))
        shapes.append(own)
    return shapes


@pytest.mark.parametrize("budget", BUDGETS)
def test_masks_that_agree_share_their_passes_up_to_where_they_differ(tiny_model: Callable[..., Any], budget: int):
    model = tiny_model(layers=3)
    masks = leave_one_out(3, 4)
    masks = torch.cat([masks, masks])  # each twice, for each of two examples
    shapes = feed_forward_shapes(model)
    encoder, source = describe(model), torch.tensor([0, 1]).repeat_interleave(len(masks))
    hidden = torch.randn(2, N, 32, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        masked_passes(
            encoder,
            hidden,
            source,
            Masks.of(masks.repeat(2, 1, 1)),
            key_mask=None,
            attend=under_head_masks,
            token_budget=budget,
        )
    # In layer l the mask that keeps all so far, and one for each of the heads up to there.
    assert [sum(passes for passes, _ in own) for own in shapes] == [2 * (1 + 4 * (layer + 1)) for layer in range(3)]
    assert {tokens for own in shapes[:2] for _, tokens in own} == {N}
    # The readout sees the first row alone.
    assert {tokens for _, tokens in shapes[2]} == {1}
    assert all(passes * tokens <= max(budget, tokens) for own in shapes for passes, tokens in own)


def test_heads_that_a_mask_removes_are_in_no_product(tiny_model: Callable[..., Any]):
    """Nothing times zero: what they would give is not a number."""
    model = tiny_model(layers=3)
    mask = torch.tensor([[1.0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 1, 0]])
    source, masks = torch.arange(3), mask.expand(3, -1, -1)
    expected = by_the_model(model, source, masks)
    with torch.no_grad():
        for layer, keep in zip(model.bert.encoder.layer, mask.bool().tolist(), strict=True):
            for head in (head for head, kept in enumerate(keep) if not kept):
                place = slice(8 * head, 8 * head + 8)
                for part in (layer.attention.self.query, layer.attention.self.key, layer.attention.self.value):
                    part.weight[place] = part.bias[place] = torch.nan
                layer.attention.output.dense.weight[:, place] = torch.nan
        hidden = model.bert.embeddings(inputs(model).input_ids, inputs(model).token_type_ids)
        found = masked_passes(
            describe(model),
            hidden,
            source,
            Masks.of(masks),
            key_mask=None,
            attend=under_head_masks,
            token_budget=10_000,
        )
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_a_batch_holds_one_mask_where_its_examples_fill_it(tiny_model: Callable[..., Any]):
    """So that the heads it needs are those of one mask; few examples share a batch with other masks."""
    model, hidden = tiny_model(layers=3), torch.randn(8, N, 32)
    masks = torch.stack([torch.ones(3, 4), torch.zeros(3, 4), torch.eye(4)[:3]])
    for budget, sizes in ((16 * N, [8, 8, 8]), (5 * N, [4] * 6), (128 * N, [24])):
        shapes = feed_forward_shapes(model)
        with torch.no_grad():
            masked_passes(
                describe(model), hidden, torch.arange(8).repeat(3), Masks.of(masks.repeat_interleave(8, dim=0)),
                key_mask=None, attend=under_head_masks, token_budget=budget,
            )  # fmt: skip
        assert [passes for passes, _ in shapes[0]] == sizes
