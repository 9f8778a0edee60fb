import pytest
import torch

from attattr import AttributionError, masked_heads
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
        with masked_heads(model, torch.ones(shape)):
            assert torch.equal(logits_of(model, inputs), expected)


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
        with masked_heads(model, mask):
            masked = logits_of(model, inputs)
        assert torch.allclose(masked, logits_of(without_heads(model, mask), inputs), atol=1e-5)
        assert not torch.allclose(masked, full, atol=1e-4)


def test_a_fraction_scales_the_head(tiny_model, random_examples, padded, without_heads):
    model = tiny_model()
    inputs = padded(model, random_examples([4, 9]))
    mask = torch.tensor([[0.5, 1.0, 0.25, 1.0], [1.0, 0.75, 1.0, 0.0]])
    with masked_heads(model, mask):
        masked = logits_of(model, inputs)
    assert torch.allclose(masked, logits_of(without_heads(model, mask), inputs), atol=1e-5)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_masks_per_example_equal_one_run_per_example(tiny_model, random_examples, padded, without_heads, attention):
    model, examples = tiny_model(attention=attention), random_examples([4, 9, 6])
    masks = torch.stack([SOME, torch.ones(2, 4), 1 - SOME])
    with masked_heads(model, masks):
        together = logits_of(model, padded(model, examples))
    for row, example in enumerate(examples):
        alone = logits_of(without_heads(model, masks[row]), padded(model, [example]))
        assert torch.allclose(together[row], alone[0], atol=1e-5)


def test_gradients_pass_through_masked_heads(tiny_model, random_examples, padded, without_heads):
    model = tiny_model(dropout=0.0)
    inputs = padded(model, random_examples([5]))
    with masked_heads(model, SOME):
        model(**inputs).logits.sum().backward()
    gradient = model.bert.encoder.layer[0].attention.self.value.weight.grad
    # Head 1 of layer 0 is removed: nothing reaches the 8 rows of its value projection.
    assert not gradient[8:16].any()
    assert gradient[:8].any()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_model_is_restored_also_after_an_exception(tiny_model, random_examples, padded, attention):
    model = tiny_model(attention=attention)
    inputs = padded(model, random_examples([4, 9]))
    expected = logits_of(model, inputs)

    def use(failure):
        with masked_heads(model, SOME):
            assert not torch.allclose(logits_of(model, inputs), expected, atol=1e-4)
            if failure:
                raise RuntimeError("inside")

    def assert_restored():
        assert model.config._attn_implementation == attention
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
        assert torch.equal(logits_of(model, inputs), expected)

    use(failure=False)
    assert_restored()
    with pytest.raises(RuntimeError, match="inside"):
        use(failure=True)
    assert_restored()


def test_an_exception_in_the_model_itself_leaves_it_restored(tiny_model, random_examples, padded, monkeypatch):
    model = tiny_model()
    inputs = padded(model, random_examples([4, 9]))
    expected = logits_of(model, inputs)

    def fail(*_args, **_kwargs):
        raise RuntimeError("broken layer")

    with monkeypatch.context() as patched:
        patched.setattr(model.bert.encoder.layer[1], "forward", fail)
        with pytest.raises(RuntimeError, match="broken layer"), masked_heads(model, SOME):
            logits_of(model, inputs)
    assert torch.equal(logits_of(model, inputs), expected)
    with masked_heads(model, torch.ones(2, 4)):
        assert torch.equal(logits_of(model, inputs), expected)


def test_several_forward_passes_inside_one_context(tiny_model, random_examples, padded):
    model = tiny_model()
    inputs = padded(model, random_examples([4, 9]))
    with masked_heads(model, SOME):
        first, second = logits_of(model, inputs), logits_of(model, inputs)
    assert torch.equal(first, second)


@pytest.mark.parametrize("shape", [(4, 2), (2, 3), (3, 4), (2,), (8,), (1, 3, 2, 4), (2, 4, 2)])
def test_a_mask_of_the_wrong_shape_is_refused(tiny_model, shape):
    with (
        pytest.raises(AttributionError, match=r"must end in \(layer, head\) = \(2, 4\)"),
        masked_heads(tiny_model(), torch.ones(shape)),
    ):
        pass


@pytest.mark.parametrize("count", [2, 4])
def test_masks_for_another_number_of_examples_are_refused(tiny_model, random_examples, padded, count):
    model = tiny_model()
    for lengths in ([4, 9, 6], [5]):
        with pytest.raises(AttributionError, match="head_mask"), masked_heads(model, torch.ones(count, 2, 4)):
            logits_of(model, padded(model, random_examples(lengths)))


def test_another_attention_implementation_is_refused(tiny_model):
    model = tiny_model()
    model.config._attn_implementation_internal = "flex_attention"
    with (
        pytest.raises(AttributionError, match="'flex_attention': load the model with 'sdpa' or 'eager'"),
        masked_heads(model, torch.ones(2, 4)),
    ):
        pass


def test_a_family_that_ignores_the_attention_interface_is_refused_rather_than_left_unmasked():
    import transformers

    config = transformers.AutoConfig.for_model(
        "mpnet", vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    ids = torch.tensor([[5, 6, 7]])
    with pytest.raises(AttributionError, match=r"mpnet|attention implementation"), masked_heads(model, SOME):
        logits_of(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)})
