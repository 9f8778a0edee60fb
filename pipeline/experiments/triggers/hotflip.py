"""HotFlip: the gradient's own choice of tokens at the places of the mined ones (docs/method.md, "Triggers")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from attattr.copies import frozen
from attattr.examples import Example, model_inputs
from attattr.insertion import Pattern, insert
from attattr.triggers import embedding_gradient
from pipeline.experiments.triggers.mining import Trigger
from pipeline.launch.steps import step
from pipeline.predicting.predict import batches, forward
from pipeline.terminal.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.examples import Batch

Tried = tuple[Pattern, "Sequence[Example]"]


@dataclass(frozen=True)
class _Run:
    """How patterns are run."""

    model: PreTrainedModel
    max_length: int
    token_budget: TokenBudget


def hotflip_triggers(
    model: PreTrainedModel,
    mined: Sequence[Trigger],
    examples: Sequence[Example],
    vocabulary: NDArray[np.int64],
    *,
    candidates: int,
    rounds: int,
    max_length: int,
    token_budget: TokenBudget,
) -> list[Trigger]:
    """Mined triggers whose tokens were flipped, one by one, as long as that raised the loss, in at most `rounds`.

    The loss is that of the gold labels of those `examples` whose label is not the trigger's class. In each round its
    gradient with respect to the word embeddings names, for every place in turn, the tokens of `vocabulary` that would
    raise a linear loss most, `candidates` of them; the best one is kept if it does raise the loss. A trigger is done
    with the first round that changes nothing.
    """
    run = _Run(model, max_length, token_budget)
    embeddings = model.get_input_embeddings().get_parameter("weight").detach()
    embeddings = embeddings[torch.from_numpy(vocabulary).to(embeddings.device)].double().cpu()
    patterns = [one.pattern for one in mined]
    foreign = [[example for example in examples if example.label != one.target_class] for one in mined]
    losses = _losses(run, list(zip(patterns, foreign, strict=True)))
    active = [number for number, own in enumerate(foreign) if own]
    for _ in progress(range(rounds), description="flip tokens", unit="rounds"):
        gradients = _gradients(run, [(patterns[number], foreign[number]) for number in active])
        choices = [_candidates(gradient, embeddings, vocabulary, count=candidates) for gradient in gradients]
        changed: set[int] = set()
        for place in range(max((len(tokens) for tokens in choices), default=0)):
            flipped = [
                (number, _with_token(patterns[number], place, token))
                for number, tokens in zip(active, choices, strict=True)
                for token in tokens[place : place + 1].flatten().tolist()
                if token != patterns[number].tokens[place]
            ]
            found = _losses(run, [(pattern, foreign[number]) for number, pattern in flipped])
            for (number, pattern), loss in zip(flipped, found, strict=True):
                if loss > losses[number]:
                    patterns[number], losses[number] = pattern, loss
                    changed.add(number)
        active = sorted(changed)
    return [
        replace(one, kind="hotflip", pattern=replace(pattern, strength=None))
        for one, pattern in zip(mined, patterns, strict=True)
    ]


def _candidates(
    gradient: Tensor, embeddings: Tensor, vocabulary: NDArray[np.int64], *, count: int
) -> NDArray[np.int64]:
    """For every place the tokens that raise the linearised loss most, `(place, candidate)`.

    `gradient` is `(place, width)`, `embeddings` of the vocabulary `(token, width)`.
    """
    rise = gradient @ embeddings.T
    return vocabulary[rise.topk(min(count, len(vocabulary)), dim=1).indices.numpy()]


def _with_token(pattern: Pattern, place: int, token: int) -> Pattern:
    tokens = [*pattern.tokens]
    tokens[place] = token
    return replace(pattern, tokens=tuple(tokens))


def _losses(run: _Run, tried: Sequence[Tried]) -> list[float]:
    """Gold loss with each pattern, summed over its examples."""
    total = torch.zeros(len(tried), dtype=torch.float64)
    model = frozen(run.model)
    with torch.no_grad():
        for numbers, _, batch in _inserted(run, tried):
            loss = step(partial(_loss, model, batch), "loss with triggers", batch.example_ids)
            total.index_add_(0, torch.tensor(numbers), loss)
    return total.tolist()


def _loss(model: PreTrainedModel, batch: Batch) -> Tensor:
    return cross_entropy(forward(model, batch).float(), batch.labels, reduction="none").double().cpu()


def _gradients(run: _Run, tried: Sequence[Tried]) -> list[Tensor]:
    """Gradient of that loss with respect to each pattern's word embeddings, `(place, width)` each.

    A token that is cut off in every example has none: zeros.
    """
    width = run.model.get_input_embeddings().get_parameter("weight").shape[1]
    total = [torch.zeros(len(pattern.tokens), width, dtype=torch.float64) for pattern, _ in tried]
    for numbers, places, batch in _inserted(run, tried):
        rows = step(partial(_gradient_rows, run.model, batch, places), "gradient with triggers", batch.example_ids)
        for row, number, of_row in zip(rows, numbers, places, strict=True):
            total[number][[token for token, place in enumerate(of_row) if place is not None]] += row.double()
    return total


def _gradient_rows(model: PreTrainedModel, batch: Batch, places: Sequence[Sequence[int | None]]) -> list[Tensor]:
    """Of every example the gradient at its trigger's places, `(place, width)`: a small part of the whole."""
    gradient = embedding_gradient(model, **model_inputs(model, batch).arguments(), labels=batch.labels).cpu()
    return [gradient[row, [place for place in own if place is not None]] for row, own in enumerate(places)]


def _inserted(run: _Run, tried: Sequence[Tried]) -> Iterator[tuple[list[int], list[list[int | None]], Batch]]:
    """All examples with their pattern in batches: for each row which one of `tried` it is, and its tokens' places."""
    origin: dict[str, tuple[int, list[int | None]]] = {}
    changed: list[Example] = []
    for number, (pattern, examples) in enumerate(tried):
        for example in examples:
            result = insert(
                example.input_ids, example.token_type_ids, example.segments, pattern, max_length=run.max_length
            )
            name = f"{example.example_id} with trigger {number}"
            changed.append(Example(name, result.input_ids, result.token_type_ids, example.label, result.segments))
            origin[name] = (number, result.places)
    for group, batch in batches(run.model, changed, token_budget=run.token_budget):
        numbers, places = zip(*(origin[example.example_id] for example in group), strict=True)
        yield list(numbers), list(places), batch
