"""What the method cannot do rightly is refused in one line by every function; what is merely unusual is right."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from attattr import AttributionError, attribute, masked_heads
from attattr.faithfulness import masked_edges
from attattr.families import FAMILIES
from attattr.importance import pooled_attention, taylor_importance
from attattr.inputs import position_count
from attattr.pruning import global_masks, per_layer_masks
from attattr.triggers import embedding_gradient

LABELS = torch.tensor([2, 0])


def attribution(model, **inputs):
    return attribute(model, **inputs, target=LABELS, steps=4).attribution


def importance(model, **inputs):
    return taylor_importance(model, **inputs, labels=LABELS).taylor


def gradient(model, **inputs):
    return embedding_gradient(model, **inputs, labels=LABELS)


def under_head_masks(model, **inputs):
    return masked_heads(model, torch.tensor([[1.0, 0, 1, 1], [0, 1, 0, 1]]))(**inputs).logits


def under_edge_masks(model, **inputs):
    n = inputs["input_ids"].shape[1]
    mask = torch.rand(2, 2, n, n, generator=torch.Generator().manual_seed(0)) < 0.7
    return masked_edges(model, mask)(**inputs).logits


GRADIENTS = [attribution, importance, gradient]
MASKS = [under_head_masks, under_edge_masks]


@pytest.fixture
def model(tiny_model):
    return tiny_model()


@pytest.fixture
def inputs(model, random_examples, padded):
    return padded(model, random_examples([6, 9]))


def refusal(function, *args, **kwargs):
    """The one line of it."""
    with pytest.raises(AttributionError) as raised:
        function(*args, **kwargs)
    message = str(raised.value)
    assert "\n" not in message
    return message


# The state of the model.


class Adapted(nn.Module):
    """A wrapper as adapter libraries have it: names that it lacks are looked up in what it wraps."""

    def __init__(self, inner):
        super().__init__()
        self.base_model = inner

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("base_model"), name)

    def merge_and_unload(self):
        return self.base_model


@pytest.mark.parametrize("function", [*GRADIENTS, *MASKS])
@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (nn.DataParallel, r"wrapped in a DataParallel: pass its \.module"),
        (torch.compile, r"wrapped in a OptimizedModule: pass its \._orig_mod"),
        (Adapted, r"wrapped in a Adapted: pass what its merge_and_unload\(\) returns"),
        (nn.Sequential, "a Sequential, no transformers model: load AutoModelForSequenceClassification"),
    ],
)
def test_a_wrapped_model_is_refused(model, inputs, function, wrap, message):
    with pytest.raises(AttributionError, match=message):
        function(wrap(model), **inputs)


@pytest.mark.parametrize("function", GRADIENTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_around_the_call_is_refused_and_switched_off_inside_of_it_does_no_harm(model, inputs, function, dtype):
    expected = function(model, **inputs)
    with torch.autocast("cpu", dtype=dtype):
        assert refusal(function, model, **inputs).startswith(f"autocast is on ({dtype}): call from outside of it")
        with torch.autocast("cpu", enabled=False):
            assert torch.equal(function(model, **inputs), expected)


def quantised(model):
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)


def quantised_pooler(model):
    model.bert.pooler = quantised(model.bert.pooler)
    return model


def quantised_by_its_config(model):
    model.config.quantization_config = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    return model


def whole_numbers(model):
    """Weights as an 8-bit layer holds them."""
    linear = model.bert.encoder.layer[0].output.dense
    linear.weight = nn.Parameter(torch.zeros_like(linear.weight, dtype=torch.int8), requires_grad=False)
    return model


def packed(model):
    """As layers have it whose weights are a buffer of 4-bit numbers."""
    linear = model.bert.encoder.layer[0].intermediate.dense
    linear.register_buffer("qweight", torch.zeros(4, 48, dtype=torch.int32))
    return model


class Sharded(nn.Parameter):
    """As libraries that spread or pack weights make them."""


def sharded(model):
    model.classifier.weight = Sharded(model.classifier.weight.data)
    return model


def several_types(model):
    model.classifier.double()
    return model


def on_meta(model):
    return model.to("meta")


def partly_on_meta(model):
    model.classifier.to("meta")
    return model


def with_backward_hook(model):
    model.classifier.register_full_backward_hook(lambda _module, inputs, _outputs: (0 * inputs[0],))
    return model


@pytest.mark.parametrize("function", GRADIENTS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (quantised, r"is a quantised .*: load the unquantised weights"),
        (quantised_pooler, r"bert\.pooler\.dense is a quantised Linear: load the unquantised weights"),
        (quantised_by_its_config, r"quantised \(config\.quantization_config\): load the unquantised weights"),
        (whole_numbers, r"layer\.0\.output\.dense\.weight is a Parameter of torch\.int8.*load plain float32 weights"),
        (packed, r"layer\.0\.intermediate\.dense\.qweight holds torch\.int32, packed weights: load the unquantised"),
        (sharded, r"classifier\.weight is a Sharded of torch\.float32, sharded or quantised"),
        (several_types, r"of several types, torch\.float32, torch\.float64: call model\.float\(\)"),
        (nn.Module.half, r"is of torch\.float16.*load the model with dtype=torch\.float32"),
        (nn.Module.bfloat16, r"is of torch\.bfloat16.*load the model with dtype=torch\.float32"),
        (on_meta, r"weights on the meta device, without values: load it without offloading"),
        (partly_on_meta, r"weights on the meta device, without values"),
        (with_backward_hook, r"classifier has a backward hook, which can change gradients: remove it"),
    ],
)
def test_a_model_whose_gradients_say_something_else_is_refused(model, inputs, function, change, message):
    with pytest.raises(AttributionError, match=message):
        function(change(model), **inputs)


@pytest.mark.parametrize("function", GRADIENTS)
def test_weights_made_in_inference_mode_are_refused(tiny_model, inputs, function):
    with torch.inference_mode():
        model = tiny_model()
    assert "was made under torch.inference_mode" in refusal(function, model, **inputs)


class Adapter(nn.Module):
    """A projection and its low-rank addition; a reader of `weight` misses the latter."""

    def __init__(self, base, scale):
        super().__init__()
        self.base, self.scale = base, scale
        self.down, self.up = nn.Linear(32, 2, bias=False), nn.Linear(2, 32, bias=False)
        self.weight, self.bias = base.weight, base.bias

    def forward(self, x):
        return self.base(x) + self.scale * self.up(self.down(x))


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_an_adapter_is_refused_however_little_it_does(model, inputs, scale):
    attention = model.bert.encoder.layer[1].attention.self
    attention.value = Adapter(attention.value, scale)
    assert "a Adapter, not a Linear layer: merge adapters" in refusal(attribution, model, **inputs)


@pytest.mark.parametrize("function", MASKS)
def test_masks_in_training_mode_are_refused_and_in_half_precision_are_right(model, inputs, function):
    model.train()
    assert "training mode" in refusal(function, model, **inputs)
    with torch.no_grad():
        expected = function(model.eval(), **inputs)
        found = function(copy.deepcopy(model).bfloat16(), **inputs)
    assert found.dtype == torch.bfloat16
    # Eight binary digits.
    assert float((found - expected).abs().max()) < 0.05 * float(expected.abs().max())


@pytest.mark.parametrize("function", [attribution, importance, *MASKS])
@pytest.mark.parametrize("outer", [masked_heads, masked_edges])
def test_masks_inside_of_masks_are_refused_rather_than_dropped(model, inputs, function, outer):
    mask = torch.ones(2, 4) if outer is masked_heads else torch.ones(2, 2, 9, 9, dtype=torch.bool)
    expected = function(model, **inputs)
    assert "masked already: pass the model that was masked" in refusal(function, outer(model, mask), **inputs)
    assert torch.equal(function(model, **inputs), expected)


def test_the_gradient_of_the_embeddings_of_a_masked_model_is_that_without_the_heads(model, inputs, without_heads):
    keep = torch.tensor([[1.0, 0, 1, 1], [0, 1, 0, 1]])
    found = gradient(masked_heads(model, keep), **inputs)
    torch.testing.assert_close(found, gradient(without_heads(model, keep), **inputs), rtol=1e-4, atol=1e-6)


def test_two_models_can_be_masked_at_once(tiny_model, inputs):
    first, second = tiny_model(seed=1), tiny_model(seed=2)
    masks = torch.zeros(2, 4), torch.tensor([[1.0, 0, 0, 1], [0, 0, 1, 1]])
    alone = []
    for model, mask in zip((first, second), masks, strict=True):
        alone.append(masked_heads(model, mask)(**inputs).logits)
    first, second = masked_heads(first, masks[0]), masked_heads(second, masks[1])
    together = [first(**inputs).logits, second(**inputs).logits, first(**inputs).logits]
    assert torch.equal(together[0], alone[0])
    assert torch.equal(together[1], alone[1])
    assert torch.equal(together[2], alone[0])


# Unusual states that do no harm.


def checkpointing(model):
    model.gradient_checkpointing_enable()
    return model.train()


def compiled_in_place(model):
    model.compile(backend="eager")
    return model


def weight_normed(model):
    weight_norm(model.bert.encoder.layer[0].attention.self.query)
    return model


def with_leaf_embeddings(model):
    model.enable_input_require_grads()
    return model


def with_tuples(model):
    model.config.return_dict = False
    return model


def with_hidden_states(model):
    model.config.output_hidden_states = True
    return model


def frozen_weights(model):
    return model.requires_grad_(False)


@pytest.mark.parametrize("function", GRADIENTS)
@pytest.mark.parametrize(
    "change",
    [
        *(checkpointing, compiled_in_place, weight_normed, with_leaf_embeddings),
        *(with_tuples, with_hidden_states, frozen_weights),
    ],
)
def test_an_unusual_state_of_the_model_changes_nothing(model, inputs, function, change):
    expected = function(model, **inputs)
    torch.testing.assert_close(function(change(copy.deepcopy(model)), **inputs), expected, rtol=1e-4, atol=1e-6)


# What the outputs mean.


def test_a_single_output_has_no_probability_but_can_be_explained_itself(tiny_model, random_examples, padded):
    model = tiny_model(labels=1).double()
    inputs = padded(model, random_examples([6]))
    for output in ("probability", "log_probability", "margin"):
        message = refusal(attribute, model, **inputs, target=0, output=output)
        assert message == f"the model has 1 output, hence no classes: output is '{output}', take 'logit'"
    result = attribute(model, **inputs, target=0, output="logit", steps=32)
    with torch.no_grad():
        assert float(result.output) == pytest.approx(float(model(**inputs).logits))
    assert float(result.completeness_gap.abs().max()) < 1e-6
    assert float(result.attribution.abs().max()) > 1e-3
    for function in (taylor_importance, embedding_gradient):
        message = refusal(function, model, **inputs, labels=torch.tensor([0]))
        assert message == "the model has 1 output, hence no classes: the loss of a label needs a classifier"


@pytest.mark.parametrize("problem", ["regression", "multi_label_classification"])
def test_outputs_that_are_no_exclusive_classes_have_no_softmax(model, inputs, problem):
    expected = attribute(model, **inputs, target=LABELS, output="logit", steps=2)
    model.config.problem_type = problem
    message = f"outputs are no classes of which one is right ({problem})"
    for function in GRADIENTS:
        assert message in refusal(function, model, **inputs)
    found = attribute(model, **inputs, target=LABELS, output="logit", steps=2)
    assert torch.equal(found.attribution, expected.attribution)


def test_a_number_of_labels_that_is_not_the_models_is_refused(model, inputs):
    model.config.num_labels = 5
    message = refusal(attribute, model, **inputs, target=0)
    assert message == "config.num_labels is 5, but the model gives 3 logits: mend it"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 3]), "labels [0, 3] is outside the model's 3 classes"),
        # What the loss of many libraries ignores in silence.
        (torch.tensor([-100, 0]), "labels [-100, 0] is outside the model's 3 classes"),
        (torch.tensor([0]), "labels is a torch.int64 tensor of shape (1,): it must hold 2 class ids"),
        (torch.tensor([0.0, 1.0]), "labels is a torch.float32 tensor of shape (2,): it must hold 2 class ids"),
        (torch.tensor([True, False]), "labels is a torch.bool tensor of shape (2,): it must hold 2 class ids"),
        ([0, 1], "labels is [0, 1]: it must be a class id or a tensor of class ids"),
    ],
)
def test_labels_that_are_no_classes_are_refused(model, inputs, labels, message):
    for function in (taylor_importance, embedding_gradient):
        assert refusal(function, model, **inputs, labels=labels) == message
    if isinstance(labels, torch.Tensor):
        assert refusal(attribute, model, **inputs, target=labels) == message.replace("labels", "target")


# Inputs.


@pytest.mark.parametrize("function", GRADIENTS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: {"input_ids": i["input_ids"].float()}, r"input_ids is of torch\.float32: it must hold whole"),
        (lambda i: {"input_ids": i["input_ids"].half()}, r"input_ids is of torch\.float16: it must hold whole"),
        (lambda i: {"input_ids": i["input_ids"] > 9}, r"input_ids is of torch\.bool: it must hold whole"),
        (lambda i: {"input_ids": i["input_ids"].tolist()}, r"input_ids is a list: it must be a tensor, \(batch, n\)"),
        (lambda i: {"input_ids": i["input_ids"].to("meta")}, r"input_ids is on meta, the model on cpu: move one"),
        (lambda i: {"input_ids": i["input_ids"] + 60}, r"input_ids holds 6\d|1[01]\d, but the model knows 0 to 59"),
        (lambda i: {"input_ids": i["input_ids"] - 60}, r"input_ids holds -\d+, but the model knows 0 to 59"),
        (lambda i: {"input_ids": i["input_ids"][:0]}, r"input_ids has shape \(0, 9\): it must be \(batch, n\), not"),
        (lambda i: {"input_ids": i["input_ids"][:, :0]}, r"input_ids has shape \(2, 0\): it must be \(batch, n\), not"),
        (lambda i: {"token_type_ids": i["token_type_ids"] + 1}, r"token_type_ids holds 2, but the model knows 0 to 1"),
        (lambda i: {"token_type_ids": i["token_type_ids"] - 1}, r"token_type_ids holds -1, but the model knows 0 to 1"),
        (lambda i: {"token_type_ids": i["token_type_ids"] / 2}, r"token_type_ids is of torch\.float32"),
        (lambda i: {"token_type_ids": i["token_type_ids"].tolist()}, r"token_type_ids is a list"),
        (lambda _: {"attention_mask": None}, r"attention_mask is a NoneType: it must be a tensor"),
        (lambda i: {"attention_mask": 2 * i["attention_mask"]}, "values other than 0 and 1: pass 1 for tokens"),
        (lambda i: {"attention_mask": 1e4 * (i["attention_mask"] - 1.0)}, "values other than 0 and 1"),
        (lambda i: {"attention_mask": i["attention_mask"] * torch.nan}, "values other than 0 and 1"),
        (lambda i: {"attention_mask": 1 - i["attention_mask"]}, "pad on the right"),
        (lambda i: {"attention_mask": i["attention_mask"].flip(1)}, "pad on the right"),
    ],
)
def test_an_input_that_the_model_cannot_read_is_named(model, inputs, function, change, message):
    with pytest.raises(AttributionError, match=message):
        function(model, **inputs | change(inputs))


@pytest.mark.parametrize("function", GRADIENTS)
@pytest.mark.parametrize("kind", [torch.int32, torch.int16, torch.uint8])
def test_smaller_whole_numbers_and_other_kinds_of_masks_are_read(model, inputs, function, kind):
    expected = function(model, **inputs)
    assert torch.equal(function(model, **{name: tensor.to(kind) for name, tensor in inputs.items()}), expected)
    for mask in (inputs["attention_mask"].bool(), inputs["attention_mask"].float()):
        assert torch.equal(function(model, **inputs | {"attention_mask": mask}), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_as_many_tokens_as_positions_are_read_and_one_more_is_refused(tiny_model, random_examples, padded, family):
    model = tiny_model(family)
    assert position_count(model) == 40
    examples = random_examples([41, 40])
    examples[0].input_ids[:] = [token if token != model.config.pad_token_id else 9 for token in examples[0].input_ids]
    for function in GRADIENTS:
        message = refusal(function, model, **padded(model, examples))
        assert message == "an input has 41 tokens, the model 40 positions: truncate it"
        # Padding takes no position.
        wide = function(model, **padded(model, random_examples([40, 7]), width=45))
        exact = function(model, **padded(model, random_examples([40, 7])))
        kept = {importance: wide, gradient: wide[:, :40]}.get(function, wide[..., :40, :40])
        torch.testing.assert_close(kept, exact, rtol=1e-4, atol=1e-6)
        assert wide.abs().sum() == pytest.approx(float(exact.abs().sum()), rel=1e-4)


@pytest.mark.parametrize("family", ["roberta", "distilbert", "modernbert"])
def test_a_family_without_segments_reads_type_zero_alone(tiny_model, random_examples, padded, family):
    model = tiny_model(family)
    inputs = padded(model, random_examples([6, 9]))
    zero = torch.zeros_like(inputs["input_ids"])
    for function in GRADIENTS:
        assert torch.equal(function(model, **inputs, token_type_ids=zero), function(model, **inputs))
        message = refusal(function, model, **inputs, token_type_ids=zero + 1)
        assert message == "token_type_ids holds 1, but the model knows 0 to 0: use its own tokenizer"


# Numbers and tensors that are no model's.


@pytest.mark.parametrize("tolerance", ["0.01", None, float("nan"), 0, 1])
def test_a_tolerance_that_is_no_share_is_named(model, inputs, tolerance):
    message = refusal(attribute, model, **inputs, target=0, tolerance=tolerance)
    assert message == f"tolerance is {tolerance!r}: it must be above 0 and below 1"


def test_masks_that_are_no_masks_are_refused(model):
    for function, shape in ((masked_heads, "(layer, head)"), (masked_edges, "(batch, layer, query, key)")):
        message = refusal(function, model, [[1, 1], [0, 1]])
        assert f"mask is a list: it must be a tensor, {shape}" in message
    bad = torch.full((2, 4), torch.nan)
    assert "not finite: 1 keeps a head" in refusal(masked_heads, model, bad)


def test_edge_masks_of_another_type_are_read(model, inputs):
    mask = torch.rand(2, 2, 9, 9, generator=torch.Generator().manual_seed(1)) < 0.5
    found = []
    for kind in (torch.bool, torch.float64, torch.int64):
        with torch.no_grad():
            found.append(masked_edges(model, mask.to(kind))(**inputs).logits)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_an_importance_that_is_not_a_number_has_no_order():
    bad = torch.tensor([[0.1, torch.nan], [0.3, 0.2]])
    assert "holds nan, which has no place in an order" in refusal(per_layer_masks, bad, direction="lowest_first")
    assert "holds nan" in refusal(global_masks, bad, [1])
    # Minus infinity has one: it stands for a head without any edge.
    least = torch.tensor([[0.1, -torch.inf], [0.3, 0.2]])
    assert global_masks(least, [1]).tolist() == [[[1, 0], [1, 1]]]


@pytest.mark.parametrize(
    ("probs", "lengths", "message"),
    [
        (torch.ones(2, 4, 5, 5), torch.tensor([5, 5]), r"has shape \(2, 4, 5, 5\): it must be \(batch, layer, head"),
        (torch.ones(2, 1, 4, 5, 5), torch.tensor([5]), r"lengths are \[5\]: they must be 2 numbers from 1 to 5"),
        (torch.ones(2, 1, 4, 5, 5), torch.tensor([5, 0]), r"lengths are \[5, 0\]: they must be 2 numbers from 1 to 5"),
        (torch.ones(2, 1, 4, 5, 5), torch.tensor([6, 1]), r"lengths are \[6, 1\]: they must be 2 numbers from 1 to 5"),
    ],
)
@pytest.mark.parametrize("pooling", ["max", "confidence"])
def test_attention_is_pooled_over_a_batch_with_its_lengths(probs, lengths, message, pooling):
    with pytest.raises(AttributionError, match=message):
        pooled_attention(probs, lengths, pooling=pooling)
