"""Memory that does not suffice, budgets by what is free, reduced precision, and one class for all."""

import logging
import os
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from attattr import AttributionError, attribute
from attattr.batching import TOKEN_BUDGET, free_memory, out_of_memory, resolve_token_budget
from attattr.families import FAMILIES

OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
CPU_OUT_OF_MEMORY = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "1152921504606846976 bytes. Error code 12 (Cannot allocate memory)"
)


@contextmanager
def memory_for(model, tokens, error=OUT_OF_MEMORY):
    """The model's layers have memory for so many tokens at once; gives the sizes that they ran with."""
    sizes = []

    def check(_module, args):
        size = args[0].numel() // model.config.hidden_size
        if size > tokens:
            raise error
        sizes.append(size)

    hooks = [layer.intermediate.register_forward_pre_hook(check) for layer in model.bert.encoder.layer]
    try:
        yield sizes
    finally:
        for hook in hooks:
            hook.remove()


@pytest.fixture(scope="module")
def case(tiny_model, random_examples, padded):
    """A float64 model, and the arguments for eight examples of ten tokens and a longer one."""
    model = tiny_model().double()
    return model, padded(model, random_examples([10] * 8 + [16])) | {"target": 1, "max_steps": 8}


def budgets(caplog):
    """What the warnings say."""
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    text = "out of memory: the token budget is halved to "
    assert all(message.startswith(text) for message in caplog.messages)
    return [int(message.removeprefix(text)) for message in caplog.messages]


def assert_same(actual, expected):
    for name in ("attribution", "attention_probs", "logits", "output", "baseline_output", "last_change"):
        assert float((getattr(actual, name) - getattr(expected, name)).abs().max()) < 1e-10
    assert torch.equal(actual.steps, expected.steps)


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize(
    ("tokens", "halved"),
    [
        (240, []),
        (239, [120]),
        (100, [120, 60]),
        (16, [120, 60, 30, 15]),  # the longest example, one step at a time
    ],
)
def test_the_budget_is_halved_until_the_memory_suffices(case, caplog, tokens, halved, path):
    model, inputs = case
    expected = attribute(model, **inputs, path=path, token_budget=240)
    with memory_for(model, tokens) as sizes:
        result = attribute(model, **inputs, path=path, token_budget=240)
    assert budgets(caplog) == halved
    assert 0 < max(sizes) <= tokens
    assert_same(result, expected)


def test_a_halved_budget_holds_for_the_examples_that_wait(tiny_model, random_examples, padded, caplog):
    # Three groups of eight do not fit, groups of two do.
    model = tiny_model()
    with memory_for(model, 79):
        attribute(model, **padded(model, random_examples([10] * 24)), target=1, max_steps=8, token_budget=240)
    assert budgets(caplog) == [120, 60]


def test_another_error_is_not_taken_for_memory(case, caplog):
    model, inputs = case
    error = RuntimeError("CUDA error: device-side assert triggered")
    with memory_for(model, 100, error), pytest.raises(RuntimeError, match="device-side assert"):
        attribute(model, **inputs, token_budget=240)
    assert not caplog.messages


@pytest.mark.parametrize("error", [OUT_OF_MEMORY, CPU_OUT_OF_MEMORY])
def test_an_example_that_does_not_fit_by_itself_is_an_error(case, caplog, error):
    model, inputs = case
    with memory_for(model, 15, error), pytest.raises(RuntimeError) as raised:
        attribute(model, **inputs, token_budget=240)
    # The device's error or the processor's, and as it was raised.
    assert raised.value is error
    assert budgets(caplog) == [120, 60, 30, 15]
    # The model is as it was.
    assert attribute(model, **inputs).attribution.any()


def test_a_failed_allocation_is_recognised():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    assert out_of_memory(raised.value)
    assert out_of_memory(OUT_OF_MEMORY)
    assert not out_of_memory(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


# The budget by what is free.


@pytest.fixture
def free(monkeypatch):
    """`free(count)`: from now on so many bytes are free."""
    return lambda count: monkeypatch.setattr("attattr.batching.free_memory", lambda _device: count)


@pytest.mark.parametrize("count", [None, 1, 10**15])
def test_a_number_is_the_budget_whatever_is_free(tiny_model, free, count):
    free(count)
    assert resolve_token_budget(77, tiny_model(), n=10) == 77


@pytest.mark.parametrize("count", [None, 10**15])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_there_is_a_budget_that_more_memory_does_not_raise(tiny_model, free, device, count):
    free(count)
    assert resolve_token_budget("auto", tiny_model(), n=10, device=torch.device(device)) == TOKEN_BUDGET[device]


def test_the_budget_follows_the_free_memory(tiny_model, free):
    model = tiny_model()

    def budget(count, model=model, n=10):
        free(count)
        return resolve_token_budget("auto", model, n=n)

    assert 100 < budget(10**7) < TOKEN_BUDGET["cpu"]
    assert abs(budget(10**7) - 2 * budget(10**7 // 2)) <= 1
    assert [budget(count) for count in (0, 1, 1000)] == [1, 1, 1]
    # Twice the layers or the bytes per number take twice as much, longer inputs take more.
    assert abs(budget(10**7) - 2 * budget(10**7, tiny_model(layers=4))) <= 1
    assert abs(budget(10**7) - 2 * budget(10**7, tiny_model().double())) <= 1
    assert budget(10**7, n=40) < budget(10**7)


def test_the_default_budget_is_what_memory_allows(case, free):
    model, inputs = case
    expected = attribute(model, **inputs)
    free(1)
    with memory_for(model, 16) as sizes:
        result = attribute(model, **inputs)
    assert set(sizes) <= {1, 10, 16}
    assert_same(result, expected)


def test_free_memory_is_a_part_of_what_the_machine_has(monkeypatch):
    assert 0 < free_memory(torch.device("cpu")) < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = "MemTotal:        8000 kB\nMemFree:         1000 kB\nMemAvailable:    3000 kB\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert free_memory(torch.device("cpu")) == 3000 * 1024
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "MemTotal:        8000 kB\n")
    assert free_memory(torch.device("cpu")) is None


def test_free_memory_is_unknown_where_the_system_does_not_tell(monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError("/proc/meminfo")

    monkeypatch.setattr(Path, "read_text", fail)
    assert free_memory(torch.device("cpu")) is None


# Precision.


@pytest.mark.parametrize("path", ["layer", "joint"])
@pytest.mark.parametrize("family", FAMILIES)
def test_bfloat16_changes_the_scores_a_little_and_the_model_not_at_all(
    tiny_model, random_examples, padded, family, path
):
    model = tiny_model(family)
    if family == "distilbert":
        # Its readout has a ReLU, and rounding may cross a kink: all of it is kept on.
        torch.nn.init.constant_(model.pre_classifier.bias, 4)
    inputs = padded(model, random_examples([11, 6, 12])) | {"target": 1, "steps": 8, "path": path}
    full, reduced = attribute(model, **inputs), attribute(model, **inputs, precision="bfloat16")
    for field in fields(full):
        if field.name != "path":
            assert getattr(reduced, field.name).dtype == getattr(full, field.name).dtype
    for name in ("attention_probs", "logits", "output", "target"):
        assert torch.equal(getattr(reduced, name), getattr(full, name))
    assert reduced.attribution.dtype == torch.float32
    dims = (2, 3, 4) if path == "layer" else (1, 2, 3, 4)
    error = (reduced.attribution - full.attribution).abs().sum(dim=dims) / full.attribution.abs().sum(dim=dims)
    assert float(error.max()) < 0.05
    assert float(error.min()) > 0
    assert 0 < float((reduced.baseline_output - full.baseline_output).abs().max()) < 0.02


def test_an_unknown_precision_is_refused_with_the_list(case):
    model, inputs = case
    with pytest.raises(AttributionError, match="precision is 'float16': it must be one of full, bfloat16"):
        attribute(model, **inputs, precision="float16")


# One class for all.


@pytest.mark.parametrize("target", [0, 1, 2])
def test_a_number_is_the_class_of_every_example(case, target):
    model, inputs = case
    one = attribute(model, **inputs | {"target": target, "steps": 2})
    each = attribute(model, **inputs | {"target": torch.full((9,), target), "steps": 2})
    assert one.target.tolist() == [target] * 9
    assert torch.equal(one.attribution, each.attribution)
    assert torch.equal(one.output, one.logits.softmax(dim=1)[:, target])


@pytest.mark.parametrize("target", [3, -1])
def test_a_number_that_is_no_class_is_refused(case, target):
    model, inputs = case
    with pytest.raises(AttributionError, match="outside the model's 3 classes"):
        attribute(model, **inputs | {"target": target, "steps": 2})
