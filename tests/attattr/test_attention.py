import pytest
import torch

from attattr import AttributionError, masked_heads
from attattr.attention import _running
from attattr.families import FAMILIES

SOME = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]])


def logits_of(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits


@pytest.mark.parametrize("lengths", [[6, 6], [4, 9, 1]])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_ones_reproduce_the_unmasked_logits_exactly(tiny_model, random_examples, padded, family, attention, lengths):
    model = tiny_model(family, attention=attention)
    inputs = padded(model, random_examples(lengths))
    expected = logits_of(model, inputs)
    for shape in ((2, 4), (len(lengths), 2, 4)):
        assert torch.equal(logits_of(masked_heads(model, torch.ones(shape)), inputs), expected)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_removed_head_is_one_that_the_output_projection_ignores(
    tiny_model, random_examples, padded, without_heads, family, attention
):
    model = tiny_model(family, attention=attention)
    inputs = padded(model, random_examples([4, 9, 1]))
    full = logits_of(model, inputs)
    masks = [SOME, torch.zeros(2, 4), *(1 - torch.eye(8)).view(8, 2, 4)]
    for mask in masks:
        masked = logits_of(masked_heads(model, mask), inputs)
        assert torch.allclose(masked, logits_of(without_heads(model, mask), inputs), atol=1e-5)
        assert not torch.allclose(masked, full, atol=1e-4)


def test_a_fraction_scales_the_head(tiny_model, random_examples, padded, without_heads):
    model = tiny_model()
    inputs = padded(model, random_examples([4, 9]))
    mask = torch.tensor([[0.5, 1.0, 0.25, 1.0], [1.0, 0.75, 1.0, 0.0]])
    masked = logits_of(masked_heads(model, mask), inputs)
    assert torch.allclose(masked, logits_of(without_heads(model, mask), inputs), atol=1e-5)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_masks_per_example_equal_one_run_per_example(tiny_model, random_examples, padded, without_heads, attention):
    model, examples = tiny_model(attention=attention), random_examples([4, 9, 6])
    masks = torch.stack([SOME, torch.ones(2, 4), 1 - SOME])
    together = logits_of(masked_heads(model, masks), padded(model, examples))
    for row, example in enumerate(examples):
        alone = logits_of(without_heads(model, masks[row]), padded(model, [example]))
        assert torch.allclose(together[row], alone[0], atol=1e-5)


def test_gradients_pass_through_masked_heads(tiny_model, random_examples, padded, without_heads):
    model = tiny_model(dropout=0.0)
    inputs = padded(model, random_examples([5]))
    masked_heads(model, SOME)(**inputs).logits.sum().backward()
    gradient = model.bert.encoder.layer[0].attention.self.value.weight.grad
    # Head 1 of layer 0 is removed: nothing reaches the 8 rows of its value projection.
    assert not gradient[8:16].any()
    assert gradient[:8].any()


def test_an_error_in_the_model_itself_leaves_no_pass_behind(tiny_model, random_examples, padded, monkeypatch):
    model = tiny_model()
    inputs = padded(model, random_examples([4, 9]))
    expected = logits_of(masked_heads(model, SOME), inputs)

    def fail(*_args, **_kwargs):
        raise RuntimeError("broken layer")

    with monkeypatch.context() as patched:
        patched.setattr(model.bert.encoder.layer[1], "forward", fail)
        with pytest.raises(RuntimeError, match="broken layer"):
            logits_of(masked_heads(model, SOME), inputs)
    assert _running.get(None) is None
    assert torch.equal(logits_of(masked_heads(model, SOME), inputs), expected)


def test_a_masked_model_that_runs_inside_of_another_does_not_disturb_it(tiny_model, random_examples, padded):
    model, other = tiny_model(), masked_heads(tiny_model(seed=1), SOME)
    inputs = padded(model, random_examples([4, 9]))
    expected = logits_of(masked_heads(model, 1 - SOME), inputs)
    seen = []
    model.bert.encoder.layer[0].register_forward_hook(lambda *_: seen.append(logits_of(other, inputs)))
    assert torch.equal(logits_of(masked_heads(model, 1 - SOME), inputs), expected)
    assert torch.equal(seen[0], logits_of(other, inputs))


def test_several_forward_passes_of_one_masked_model(tiny_model, random_examples, padded):
    model = tiny_model()
    inputs = padded(model, random_examples([4, 9]))
    masked = masked_heads(model, SOME)
    first, second = logits_of(masked, inputs), logits_of(masked, inputs)
    assert torch.equal(first, second)


@pytest.mark.parametrize("shape", [(4, 2), (2, 3), (3, 4), (2,), (8,), (1, 3, 2, 4), (2, 4, 2)])
def test_a_mask_of_the_wrong_shape_is_refused(tiny_model, shape):
    with pytest.raises(AttributionError, match=r"must end in \(layer, head\) = \(2, 4\)"):
        masked_heads(tiny_model(), torch.ones(shape))


@pytest.mark.parametrize("count", [2, 4])
def test_masks_for_another_number_of_examples_are_refused(tiny_model, random_examples, padded, count):
    model = tiny_model()
    masked = masked_heads(model, torch.ones(count, 2, 4))
    for lengths in ([4, 9, 6], [5]):
        with pytest.raises(AttributionError, match="head_mask"):
            logits_of(masked, padded(model, random_examples(lengths)))


def test_another_attention_implementation_is_refused(tiny_model):
    model = tiny_model()
    model.config._attn_implementation_internal = "flex_attention"
    with pytest.raises(AttributionError, match="'flex_attention': load the model with 'sdpa' or 'eager'"):
        masked_heads(model, torch.ones(2, 4))


def test_a_family_that_ignores_the_attention_interface_is_refused_rather_than_left_unmasked():
    import transformers

    config = transformers.AutoConfig.for_model(
        "mpnet", vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    ids = torch.tensor([[5, 6, 7]])
    with pytest.raises(AttributionError, match=r"mpnet called the attention interface 0 times for 2 layers"):
        logits_of(masked_heads(model, SOME), {"input_ids": ids, "attention_mask": torch.ones_like(ids)})
