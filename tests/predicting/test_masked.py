import pytest
import torch

from pipeline.attattr import AttributionError
from pipeline.attattr.families import FAMILIES
from pipeline.errors import InputError
from pipeline.predicting.masked import masked_logits

LENGTHS = [9, 4, 6, 12, 6]


@pytest.fixture
def by_hand(padded, without_heads):
    """Logits of each example alone, by the model whose heads are removed from its weights."""

    def logits(model, examples, masks):
        with torch.no_grad():
            return torch.stack(
                [
                    torch.cat(
                        [
                            without_heads(model, mask)(**padded(model, [example])).logits
                            for example, mask in zip(examples, row, strict=True)
                        ]
                    )
                    for row in masks
                ]
            )

    return logits


def random_masks(*shape, seed=0):
    return (torch.rand(*shape, 2, 4, generator=torch.Generator().manual_seed(seed)) > 0.4).float()


@pytest.mark.parametrize("token_budget", ["auto", 1, 40])
@pytest.mark.parametrize("family", FAMILIES)
def test_masks_shared_by_all_examples(tiny_model, random_examples, by_hand, family, token_budget):
    model, examples, masks = tiny_model(family), random_examples(LENGTHS), random_masks(4)
    masks[2] = masks[0]
    logits = masked_logits(model, examples, masks, token_budget=token_budget)
    assert logits.shape == (4, 5, 3)
    expected = by_hand(model, examples, masks[:, None].expand(-1, 5, -1, -1))
    assert torch.allclose(logits, expected, atol=1e-5)
    assert torch.equal(logits[0], logits[2])
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


@pytest.mark.parametrize("token_budget", ["auto", 1, 40])
def test_masks_of_every_example(tiny_model, random_examples, by_hand, token_budget):
    model, examples, masks = tiny_model(), random_examples(LENGTHS), random_masks(4, 5)
    masks[1, 3] = masks[0, 3]
    logits = masked_logits(model, examples, masks, token_budget=token_budget)
    assert torch.allclose(logits, by_hand(model, examples, masks), atol=1e-5)
    assert torch.equal(logits[0, 3], logits[1, 3])


def test_as_many_masks_as_examples_are_not_taken_for_one_each(tiny_model, random_examples, by_hand):
    model, examples, masks = tiny_model(), random_examples(LENGTHS), random_masks(5)
    logits = masked_logits(model, examples, masks)
    assert logits.shape == (5, 5, 3)
    assert torch.allclose(logits, by_hand(model, examples, masks[:, None].expand(-1, 5, -1, -1)), atol=1e-5)


def rows_run(model):
    """A list that grows by the number of rows of every forward pass."""
    rows = []
    model.register_forward_pre_hook(lambda _m, _a, kwargs: rows.append(len(kwargs["input_ids"])), with_kwargs=True)
    return rows


def test_equal_masks_are_run_once(tiny_model, random_examples):
    model, examples = tiny_model(), random_examples([6, 6, 6])
    full, half = torch.ones(2, 4), torch.tensor([[1.0, 1, 0, 0]] * 2)
    rows = rows_run(model)
    masked_logits(model, examples, torch.stack([full, half, full, full, half]))
    assert sum(rows) == 2 * 3
    rows.clear()
    own = torch.ones(4, 3, 2, 4)
    own[1, 0] = own[2, 0] = half
    own[3, 1] = half
    masked_logits(model, examples, own)
    # Example 0 has two different masks, example 1 two, example 2 one.
    assert sum(rows) == 5


def test_a_pass_stays_within_the_token_budget(tiny_model, random_examples):
    model, sizes = tiny_model(), []
    model.register_forward_pre_hook(lambda _m, _a, kwargs: sizes.append(kwargs["input_ids"].numel()), with_kwargs=True)
    masked_logits(model, random_examples([6, 6, 9, 3]), random_masks(6), token_budget=50)
    assert max(sizes) <= 50
    assert sum(size <= 9 for size in sizes) < len(sizes)


def test_the_full_mask_gives_the_models_own_logits(tiny_model, random_examples, padded):
    model, examples = tiny_model(), random_examples([6, 6])
    with torch.no_grad():
        expected = model(**padded(model, examples)).logits
    assert torch.equal(masked_logits(model, examples, torch.ones(1, 2, 4))[0], expected)


def test_the_model_is_left_as_it_was(tiny_model, random_examples):
    model = tiny_model(dropout=0.5)
    expected = masked_logits(model, random_examples([6, 4]), random_masks(2))
    model.train()
    assert torch.equal(masked_logits(model, random_examples([6, 4]), random_masks(2)), expected)
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert model.config._attn_implementation == "sdpa"


def test_logits_that_are_not_finite_are_refused_with_the_example(tiny_model, random_examples):
    model, examples = tiny_model(), random_examples([6, 4])
    for example in examples:
        example.input_ids[:] = [6] * len(example)
    examples[1].input_ids[2] = 59
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[59] = torch.nan
    with pytest.raises(InputError, match="example e-1 are not finite"):
        masked_logits(model, examples, random_masks(2))


def test_masks_of_another_model_are_refused(tiny_model, random_examples):
    with pytest.raises(AttributionError, match=r"must end in \(layer, head\)"):
        masked_logits(tiny_model(layers=3), random_examples([6]), torch.ones(1, 2, 4))
