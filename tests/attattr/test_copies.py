"""A model's copy: the same logits from the same memory, and whatever is bound to the model bound to the copy."""

import functools
import types

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from attattr import attribute
from attattr.copies import frozen, own_copy
from attattr.families import FAMILIES


@pytest.fixture
def model(tiny_model):
    return tiny_model()


@pytest.fixture
def inputs(model, random_examples, padded):
    return padded(model, random_examples([6, 9]))


@torch.no_grad()
def logits_of(model, inputs):
    return model(**inputs).logits


@pytest.mark.parametrize("make", [own_copy, frozen])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_copy_gives_the_same_logits_from_the_same_memory(tiny_model, random_examples, padded, family, make):
    model = tiny_model(family)
    inputs = padded(model, random_examples([6, 9]))
    copy = make(model)
    assert type(copy) is type(model)
    assert torch.equal(logits_of(copy, inputs), logits_of(model, inputs))
    for of in ("named_parameters", "named_buffers"):
        own, original = dict(getattr(copy, of)()), dict(getattr(model, of)())
        assert list(own) == list(original)
        assert all(own[name].data_ptr() == original[name].data_ptr() for name in own)
    assert [name for name, _ in copy.named_modules()] == [name for name, _ in model.named_modules()]
    assert not {id(module) for module in copy.modules()} & {id(module) for module in model.modules()}
    assert copy.config is not model.config
    assert copy.config.to_dict() == model.config.to_dict()
    # Configs of the modules, too: the attention's tells which implementation runs.
    originals = {id(vars(module).get("config")) for module in model.modules()} - {id(None)}
    assert not originals & {id(vars(module).get("config")) for module in copy.modules()}


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_that_is_done_to_the_copy_reaches_the_model(tiny_model, random_examples, padded, family):
    model = tiny_model(family).train()
    inputs = padded(model, random_examples([6]))
    copy = frozen(model)
    assert all(module.training for module in model.modules())
    assert not any(module.training for module in copy.modules())
    assert all(weight.requires_grad for weight in model.parameters())
    assert not any(weight.requires_grad for weight in copy.parameters())
    copy.set_attn_implementation("eager")
    copy.config.id2label[0] = "other"
    for module in copy.modules():
        module.register_forward_pre_hook(lambda *_: None)
        module.register_buffer("own", torch.zeros(1))
    assert model.config._attn_implementation == "sdpa"
    assert model.config.id2label[0] != "other"
    assert not any(module._forward_pre_hooks or "own" in module._buffers for module in model.modules())
    model.eval()
    torch.testing.assert_close(logits_of(copy, inputs), logits_of(model, inputs))


def test_a_module_that_occurs_twice_and_tied_weights_stay_one(model):
    first, second = model.bert.encoder.layer
    model.bert.encoder.layer[1] = first
    second.output.dense.weight = first.output.dense.weight
    model.extra = second
    copy = frozen(model)
    assert copy.bert.encoder.layer[0] is copy.bert.encoder.layer[1]
    assert copy.extra.output.dense.weight is copy.bert.encoder.layer[0].output.dense.weight
    assert len(list(copy.parameters())) == len(list(model.parameters()))


def bound_method(model):
    layer = model.bert.encoder.layer[0].output
    layer.forward = types.MethodType(lambda self, x, y: self.LayerNorm(2 * self.dense(x) + y), layer)


def closure(model):
    layer = model.bert.encoder.layer[0].output
    old = layer.forward
    layer.forward = lambda *args: 2 * old(*args)


def default_value(model):
    layer = model.bert.encoder.layer[0].output
    layer.forward = lambda x, y, own=layer, *, factor=layer.dense: own.LayerNorm(factor(2 * x) + y)


def partial_function(model):
    layer = model.bert.encoder.layer[0].output
    layer._old_forward = layer.forward
    layer.forward = functools.partial(lambda own, *args: 2 * own._old_forward(*args), layer)


def hook_with_another_module(model):
    other = model.bert.encoder.layer[1].output
    model.bert.encoder.layer[0].output.register_forward_hook(lambda _m, args, out: out + other.dense(args[0]))


def unregistered_list(model):
    layer = model.bert.encoder.layer[0].output
    layer.others = [model.bert.encoder.layer[1].output]
    layer.forward = types.MethodType(lambda self, x, y: self.others[0](x, y), layer)


def parametrized(model):
    weight_norm(model.bert.encoder.layer[0].output.dense)


def compiled(model):
    layer = model.bert.encoder.layer[0].output
    layer.forward = torch.compile(layer.forward, backend="eager")


def compiled_module(model):
    model.bert.encoder.layer[0].output = torch.compile(model.bert.encoder.layer[0].output, backend="eager")


CHANGES = (bound_method, closure, default_value, partial_function, hook_with_another_module, unregistered_list)


@pytest.mark.parametrize("change", [*CHANGES, parametrized, compiled, compiled_module])
def test_what_is_bound_to_the_model_is_bound_to_the_copy(model, inputs, change):
    plain = logits_of(model, inputs)
    change(model)
    expected = logits_of(model, inputs)
    assert torch.allclose(plain, expected, atol=1e-5) == (change in (parametrized, compiled, compiled_module))
    model.train()
    ran = []
    for module in model.modules():
        module.register_forward_pre_hook(lambda own, _args: ran.append(own))
    copy = frozen(model)
    # With dropout anywhere they would differ; and no module of the model itself has run.
    torch.testing.assert_close(logits_of(copy, inputs), expected)
    assert ran
    assert not {id(module) for module in ran} & {id(module) for module in model.modules()}


def test_hooks_fill_the_lists_of_their_owner_and_unbound_ones_are_the_same(model, inputs):
    seen, adapter = [], nn.Linear(32, 32)
    count = 0

    def hook(_module, _args, output):
        nonlocal count
        count += 1
        seen.append(adapter(output))

    model.bert.encoder.layer[0].register_forward_hook(hook)
    copy = own_copy(model)
    logits_of(copy, inputs)
    logits_of(model, inputs)
    assert count == 2
    assert torch.equal(seen[0], seen[1])
    assert list(copy.bert.encoder.layer[0]._forward_hooks.values()) == [hook]


def test_no_weight_is_copied(tiny_model, random_examples, padded, monkeypatch):
    """A copy takes no tensor memory at all, and an attribution only that of its own tensors."""
    model = tiny_model()
    made = []

    class Count(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            made.extend(part for part in (result if isinstance(result, tuple) else (result,)))
            return result

    memory = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    with Count():
        copies = [own_copy(model), frozen(model)]
    assert all(tensor.untyped_storage().data_ptr() in memory for tensor in made)
    assert {w.untyped_storage().data_ptr() for copy in copies for w in copy.parameters()} == memory
    attribute(model, **padded(model, random_examples([6])), target=0, max_steps=8)
    assert {weight.untyped_storage().data_ptr() for weight in model.parameters()} == memory
