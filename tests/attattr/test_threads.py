"""Threads that share a model: each gets what it gets alone, and the model is untouched at every moment."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

import pytest
import torch

from attattr import AttributionError, attribute, gradient_x_attention, masked_heads
from attattr.faithfulness import masked_edges
from attattr.importance import output_norm, taylor_importance
from attattr.inputs import Inputs
from attattr.knockouts import knock_outs
from attattr.removal import removed_heads
from attattr.triggers import embedding_gradient

LOOKS = 5  # the least that a context watches
KEEP = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]])


def fingerprint(model):
    """All of a model's state but its weights' values: what a call could change and another one see."""
    modules = tuple(
        (
            id(module),
            module.training,
            tuple(vars(module)),
            tuple((name, id(part)) for name, part in module._modules.items()),
            tuple(
                (name, id(weight), weight is None or weight.requires_grad)
                for name, weight in module._parameters.items()
            ),
            tuple((name, id(buffer)) for name, buffer in module._buffers.items()),
            len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks),
        )
        for module in model.modules()
    )
    return modules, id(model.config), repr(sorted(vars(model.config).items(), key=str))


@contextmanager
def untouched(model):
    """Fails if the model was another at any of many moments while the context lasted.

    Yields the list of what was seen so far; a short body goes on until it is long enough.
    """
    expected, seen, done = fingerprint(model), [], Event()

    def watch():
        while not done.is_set():
            seen.append(fingerprint(model) == expected)

    thread = Thread(target=watch)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns in the middle of everything
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert len(seen) >= LOOKS
    assert all(seen)
    assert fingerprint(model) == expected


def calls(model, random_examples, padded):
    """Functions without arguments, each with other inputs or targets, that give a list of tensors."""

    def of(name, function, number):
        inputs = padded(model, random_examples([5 + number, 8], seed=number))
        one = padded(model, random_examples([6 + number], seed=number))
        return lambda: function(inputs if name != "knock_outs" else one, number)

    labels = torch.tensor([1, 0])

    def tensors(result):
        return [value for value in vars(result).values() if isinstance(value, torch.Tensor)]

    def edges(inputs, number):
        shape = (2, 2, inputs["input_ids"].shape[1], inputs["input_ids"].shape[1])
        mask = torch.rand(shape, generator=torch.Generator().manual_seed(number)) < 0.6
        return [masked_edges(model, mask)(**inputs).logits.detach()]

    functions = {
        "attribute": lambda i, k: tensors(attribute(model, **i, target=k % 3, max_steps=8)),
        "joint": lambda i, k: tensors(attribute(model, **i, target="predicted", path="joint", steps=3 + k)),
        "gradient": lambda i, k: tensors(gradient_x_attention(model, **i, target=k % 3)),
        "plain": lambda i, _: [model(**i).logits.detach()],
        "heads": lambda i, k: [masked_heads(model, KEEP if k % 2 else 1 - KEEP)(**i).logits.detach()],
        "edges": edges,
        "removed": lambda i, _: [removed_heads(model, KEEP)(**i).logits.detach()],
        "taylor": lambda i, _: tensors(taylor_importance(model, **i, labels=labels)),
        "norm": lambda i, _: [output_norm(model, **i)],
        "embeddings": lambda i, _: [embedding_gradient(model, **i, labels=labels)],
        "knock_outs": lambda i, _: list(knock_outs(model, Inputs(**i), per_head=True)),
    }
    return {(name, k): of(name, function, k) for name, function in functions.items() for k in range(2)}


@pytest.fixture
def model(tiny_model):
    return tiny_model()


def same(found, expected):
    return len(found) == len(expected) and all(
        torch.equal(a, b) or (a.isnan().all() and b.isnan().all()) for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("threads", [2, 8])
def test_everything_at_once_gives_what_it_gives_alone(model, random_examples, padded, threads):
    known = calls(model, random_examples, padded)
    alone = {key: call() for key, call in known.items()}
    order = [key for _ in range(3) for key in known]
    with untouched(model), ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda key: known[key](), order))
    different = {key for key, result in zip(order, found, strict=True) if not same(result, alone[key])}
    assert not different
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_one_masked_model_in_several_threads(model, random_examples, padded):
    masked, inputs = masked_heads(model, KEEP), padded(model, random_examples([7, 9]))
    with torch.no_grad():
        expected = masked(**inputs).logits

    @torch.no_grad()
    def run(_number):
        return masked(**inputs).logits

    with untouched(model) as seen, ThreadPoolExecutor(4) as pool:
        while len(seen) < LOOKS:
            assert all(torch.equal(logits, expected) for logits in pool.map(run, range(40)))


def test_a_thread_trains_on_while_another_attributes(model, random_examples, padded):
    """Gradients reach the caller's weights, and the model stays in training mode with its dropout."""
    inputs = padded(model, random_examples([6, 8]))
    expected = attribute(model, **inputs, target=1, max_steps=8).attribution
    model.train()
    with untouched(model), ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: [attribute(model, **inputs, target=1, max_steps=8).attribution for _ in range(4)])
        differ, first = 0, None
        while not running.done() or first is None:
            logits = model(**inputs).logits
            logits.sum().backward()
            first = logits if first is None else first
            differ += not torch.equal(logits, first)
    assert all(torch.equal(scores, expected) for scores in running.result())
    assert differ, "dropout must have been on"
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_an_error_leaves_no_trace(model, random_examples, padded):
    inputs = padded(model, random_examples([6, 8]))
    broken = model.bert.encoder.layer[1].output.dense
    broken.forward = lambda *_: 1 / 0
    with untouched(model) as seen:
        while len(seen) < LOOKS:
            for call in (
                lambda: attribute(model, **inputs, target=1),
                lambda: masked_heads(model, KEEP)(**inputs),
                lambda: taylor_importance(model, **inputs, labels=torch.tensor([0, 1])),
            ):
                with pytest.raises(ZeroDivisionError):
                    call()
    model.train()
    with untouched(model) as seen:
        while len(seen) < LOOKS:
            with pytest.raises(AttributionError, match="training mode"):
                masked_heads(model, KEEP)(**inputs)
