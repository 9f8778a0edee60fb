import pytest
import torch
import transformers

from attattr import AttributionError, masked_heads
from attattr.families import FAMILIES
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


def first_layer(model):
    """A list that grows by the passes and tokens of every batch that leaves the first layer's attention."""
    shapes = []
    model.bert.encoder.layer[0].intermediate.register_forward_pre_hook(lambda _, args: shapes.append(args[0].shape[:2]))
    return shapes


def test_equal_masks_are_run_once(tiny_model, random_examples):
    model, examples = tiny_model(), random_examples([6, 6, 6])
    full, half = torch.ones(2, 4), torch.tensor([[1.0, 1, 0, 0]] * 2)
    shapes = first_layer(model)
    masked_logits(model, examples, full[None])
    without_masks = sum(passes for passes, _ in shapes)
    shapes.clear()
    masked_logits(model, examples, torch.stack([full, half, full, full, half]))
    assert sum(passes for passes, _ in shapes) - without_masks == 3
    shapes.clear()
    own = torch.ones(4, 3, 2, 4)
    own[1, 0] = own[2, 0] = half
    own[3, 1] = half
    masked_logits(model, examples, own)
    # Examples 0 and 1 have two different masks, example 2 one.
    assert sum(passes for passes, _ in shapes) - without_masks == 2


def test_shared_masks_take_a_little_padding(tiny_model, random_examples, by_hand):
    model, examples, masks = tiny_model(), random_examples([20, 21, 21]), random_masks(4)
    shapes = first_layer(model)
    logits = masked_logits(model, examples, masks)
    assert {tokens for _, tokens in shapes} == {21}
    own = masks[:, None].expand(-1, 3, -1, -1)
    assert torch.allclose(logits, by_hand(model, examples, own), atol=1e-5)
    shapes.clear()
    assert torch.allclose(masked_logits(model, examples, own), logits, atol=1e-5)
    assert {tokens for _, tokens in shapes} == {20, 21}


def test_a_pass_stays_within_the_token_budget_and_holds_no_padding(tiny_model, random_examples):
    model = tiny_model()
    shapes = first_layer(model)
    masked_logits(model, random_examples([6, 6, 9, 3]), random_masks(6), token_budget=50)
    assert max(passes * tokens for passes, tokens in shapes) <= 50
    assert {tokens for _, tokens in shapes} == {3, 6, 9}


def test_the_full_mask_gives_the_models_own_logits(tiny_model, random_examples, padded):
    model, examples = tiny_model(), random_examples([6, 6])
    with torch.no_grad():
        expected = model(**padded(model, examples)).logits
    assert torch.equal(masked_logits(model, examples, torch.ones(1, 2, 4))[0], expected)


def test_leave_one_out(tiny_model, random_examples, by_hand):
    model, examples = tiny_model(layers=3), random_examples(LENGTHS)
    masks = torch.cat([torch.ones(1, 3, 4), (1 - torch.eye(12)).view(-1, 3, 4)])
    expected = by_hand(model, examples, masks[:, None].expand(-1, 5, -1, -1))
    assert torch.allclose(masked_logits(model, examples, masks), expected, atol=1e-5)


def test_one_example_whose_layers_are_removed(tiny_model, random_examples, by_hand):
    model, examples = tiny_model(), random_examples([7])
    masks = torch.stack([torch.zeros(2, 4), torch.tensor([[0.0] * 4, [1.0] * 4]), torch.tensor([[1.0] * 4, [0.0] * 4])])
    assert torch.allclose(masked_logits(model, examples, masks), by_hand(model, examples, masks[:, None]), atol=1e-5)


def mean_pooled(tiny_model):
    model = tiny_model("modernbert")
    model.config.classifier_pooling = "mean"
    return model


def gpt2(_tiny_model):
    config = transformers.GPT2Config(
        vocab_size=60, n_positions=40, n_embd=32, n_layer=2, n_head=4, num_labels=3, pad_token_id=0
    )
    torch.manual_seed(0)
    return transformers.GPT2ForSequenceClassification(config).eval()


def hooked(tiny_model):
    model = tiny_model()
    model.bert.encoder.layer[1].output.register_forward_hook(lambda _module, _args, output: 1.5 * output)
    return model


@pytest.mark.parametrize("make", [mean_pooled, gpt2, hooked])
def test_models_whose_layers_do_not_tell_all_are_run_as_they_are(tiny_model, random_examples, padded, make):
    model, examples, masks = make(tiny_model), random_examples(LENGTHS), random_masks(4, 5)
    logits = masked_logits(model, examples, masks, token_budget=30)
    for number, example in enumerate(examples):
        copies = {name: tensor.expand(4, -1) for name, tensor in padded(model, [example]).items()}
        with torch.no_grad():
            expected = masked_heads(model, masks[:, number])(**copies).logits
        assert torch.allclose(logits[:, number], expected, atol=1e-5)
    shared = masked_logits(model, examples, masks[:, 0])
    assert torch.allclose(shared[:, 0], logits[:, 0], atol=1e-5)


def test_masks_on_top_of_masks_are_refused(tiny_model, random_examples):
    masked = masked_heads(tiny_model(), torch.ones(2, 4))
    with pytest.raises(AttributionError, match="masked already"):
        masked_logits(masked, random_examples([6]), random_masks(1))


def test_gradient_checkpointing_changes_nothing(tiny_model, random_examples):
    model, examples, masks = tiny_model(), random_examples(LENGTHS), random_masks(3)
    expected = masked_logits(model, examples, masks)
    model.activation_checkpointing_enable()
    model.train()
    assert torch.equal(masked_logits(model, examples, masks), expected)
    assert model.is_activation_checkpointing
    assert model.training


def test_the_model_is_left_as_it_was(tiny_model, random_examples):
    model = tiny_model(dropout=0.5)
    expected = masked_logits(model, random_examples([6, 4]), random_masks(2))
    model.train()
    assert torch.equal(masked_logits(model, random_examples([6, 4]), random_masks(2)), expected)
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert model.config._attn_implementation == "sdpa"
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_logits_that_are_not_finite_are_refused_with_the_example(tiny_model, random_examples):
    model, examples = tiny_model(), random_examples([6, 4])
    for example in examples:
        example.input_ids[:] = [6] * len(example)
    examples[1].input_ids[2] = 59
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight[59] = torch.nan
    with pytest.raises(InputError, match="example e-1 are not finite"):
        masked_logits(model, examples, random_masks(2))
    # Without any head the first token would know nothing of it.
    with pytest.raises(InputError, match="example e-1 are not finite"):
        masked_logits(model, examples, torch.zeros(1, 2, 4))


def test_masks_of_another_model_are_refused(tiny_model, random_examples):
    with pytest.raises(AttributionError, match=r"must end in \(layer, head\)"):
        masked_logits(tiny_model(layers=3), random_examples([6]), torch.ones(1, 2, 4))
