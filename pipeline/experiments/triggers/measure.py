"""Adversarial triggers: what a model predicts for examples with a pattern in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pipeline.attattr.batching import TokenBudget
from pipeline.attattr.triggers import Pattern, insert
from pipeline.errors import InputError
from pipeline.experiments.triggers.mining import MINED, Trigger
from pipeline.predicting.examples import Example, subset
from pipeline.predicting.masked import places
from pipeline.predicting.predict import predict_logits
from pipeline.values.long import to_columns

if TYPE_CHECKING:
    from pipeline.values.schema import Triggers

NO_TRIGGER = -1
SEQUENCES_AT_ONCE = 4096  # bounds the memory of the examples with a pattern in them

Measured = tuple[NDArray[np.bool_], dict[str, NDArray[Any]]]


def selection_samples(heldout: Sequence[Example], *, settings: Triggers) -> tuple[list[Example], list[Example]]:
    """The held-out examples on which the best triggers are selected, and those of HotFlip's gradient.

    They are disjoint where there are enough: otherwise HotFlip alone would be judged by what it was made from.
    """
    if not heldout:
        raise InputError("prepare.n_heldout is 0, but triggers are selected on held-out examples")
    select = subset(heldout, settings.n_select)
    chosen = {example.example_id for example in select}
    rest = [example for example in heldout if example.example_id not in chosen]
    return select, subset(rest or heldout, settings.hotflip_batch)


def with_pattern(example: Example, pattern: Pattern, *, name: str, max_length: int) -> Example:
    """The example with the pattern in it, its id followed by `name`."""
    result = insert(example.input_ids, example.token_type_ids, example.segments, pattern, max_length=max_length)
    changed = f"{example.example_id} with trigger {name}"
    return Example(changed, result.input_ids, result.token_type_ids, example.label, result.segments)


def predictions(
    model: PreTrainedModel,
    examples: Sequence[Example],
    patterns: Sequence[Pattern],
    *,
    max_length: int,
    token_budget: TokenBudget,
) -> NDArray[np.int64]:
    """The class that is predicted for every example with every pattern in it, `(pattern, example)`."""
    result = np.empty((len(patterns), len(examples)), np.int64)
    at_once = max(1, SEQUENCES_AT_ONCE // len(examples))
    for start in range(0, len(patterns), at_once):
        chunk = list(enumerate(patterns))[start : start + at_once]
        changed = [
            with_pattern(example, pattern, name=str(number), max_length=max_length)
            for number, pattern in chunk
            for example in examples
        ]
        classes = predict_logits(model, changed, token_budget=token_budget).argmax(dim=1)
        result[start : start + at_once] = classes.view(len(chunk), len(examples)).numpy()
    return result


def evaluate(
    model: PreTrainedModel,
    triggers: Sequence[Trigger],
    select: Sequence[Example],
    dev: Sequence[Example],
    *,
    best: int,
    max_length: int,
    token_budget: TokenBudget,
) -> tuple[dict[str, list[int]], dict[str, NDArray[Any]]]:
    """Run all triggers on the selection sample, and on dev the mined ones and the `best` of each kind, each once.

    Returns the selected triggers of each kind, the largest drop first, and the columns of a long table: sample (select
    or dev), trigger (its number; -1 without any), example_id, label, predicted.
    """

    def measure(sample: str, examples: Sequence[Example], numbers: Sequence[int]) -> Measured:
        patterns = [triggers[number].pattern for number in numbers]
        without = predict_logits(model, examples, token_budget=token_budget).argmax(dim=1).numpy()
        after = predictions(model, examples, patterns, max_length=max_length, token_budget=token_budget)
        rows = [{"sample": sample, "trigger": number} for number in (NO_TRIGGER, *numbers)]
        predicted = np.concatenate([without[None], after])
        right = predicted == np.array([example.label for example in examples])
        return right, to_columns((rows, places(examples)), predicted=predicted.astype(np.int16))

    kinds = [one.kind for one in triggers]
    right, on_select = measure("select", select, range(len(triggers)))
    chosen = select_best(kinds, right[0].astype(np.float64) - right[1:], count=best)
    _, on_dev = measure("dev", dev, run_on_dev(kinds, chosen))
    return chosen, {name: np.concatenate([on_select[name], on_dev[name]]) for name in on_select}


def select_best(kinds: Sequence[str], lost: NDArray[np.float64], *, count: int) -> dict[str, list[int]]:
    """Of each kind the `count` triggers with the largest mean of `lost` `(trigger, example)`; ties go by index."""
    order = np.argsort(-lost.mean(axis=1), kind="stable").tolist()
    return {kind: [number for number in order if kinds[number] == kind][:count] for kind in dict.fromkeys(kinds)}


def run_on_dev(kinds: Sequence[str], best: Mapping[str, Sequence[int]]) -> list[int]:
    """The triggers to run on dev, in their order: all mined ones and the best of each kind."""
    chosen = {number for numbers in best.values() for number in numbers}
    return [number for number, kind in enumerate(kinds) if kind == MINED or number in chosen]


def trigger_rows(
    triggers: Sequence[Trigger],
    best: Mapping[str, Sequence[int]],
    tokenizer: PreTrainedTokenizerBase,
    *,
    classes: Sequence[str],
) -> list[dict[str, Any]]:
    """What each trigger consists of, and its place among the best of its kind.

    `class` is the one predicted for the example that it comes from.
    """
    place = {number: order for numbers in best.values() for order, number in enumerate(numbers)}
    return [
        {
            "kind": one.kind,
            "rank": one.rank,
            "tokens": tokenizer.convert_ids_to_tokens(list(one.pattern.tokens)),
            "ids": list(one.pattern.tokens),
            "segments": list(one.pattern.segments),
            "positions": list(one.pattern.positions),
            "strength": one.pattern.strength,
            "class": classes[one.target_class],
            "example_id": one.example_id,
            "best": place.get(number),
        }
        for number, one in enumerate(triggers)
    ]
