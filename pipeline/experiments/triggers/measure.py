"""Adversarial triggers: what a model predicts for examples with a pattern in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from attattr.batching import TokenBudget
from attattr.examples import Example
from attattr.insertion import Pattern, insert
from pipeline.errors import InputError
from pipeline.experiments.triggers.mining import Trigger
from pipeline.predicting.examples import subset
from pipeline.predicting.masked import places
from pipeline.predicting.predict import predict_logits
from pipeline.terminal.progress import progress
from pipeline.values.long import to_columns

if TYPE_CHECKING:
    from pipeline.values.schema import Triggers

NO_TRIGGER = -1
SEQUENCES_AT_ONCE = 4096  # bounds the memory of the examples with a pattern in them


def selection_samples(heldout: Sequence[Example], *, settings: Triggers) -> tuple[list[Example], list[Example]]:
    """The held-out examples on which the best triggers are selected, and those whose loss HotFlip raises.

    They are disjoint: otherwise HotFlip alone would be judged by what it was made from.
    """
    select = subset(heldout, settings.n_select)
    chosen = {example.example_id for example in select}
    rest = [example for example in heldout if example.example_id not in chosen]
    if not select or not rest:
        raise InputError(
            f"the held-out sample has {len(heldout)} examples, but triggers need {settings.n_select} to be selected on "
            f"and {settings.hotflip_batch} more for HotFlip: raise prepare.n_heldout"
        )
    return select, subset(rest, settings.hotflip_batch)


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
    for start in progress(range(0, len(patterns), at_once), description="insert triggers", unit="batches"):
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
    samples: Mapping[str, Sequence[Example]],
    *,
    max_length: int,
    token_budget: TokenBudget,
) -> dict[str, NDArray[Any]]:
    """Run all triggers on every sample.

    Returns the columns of a long table: sample (its name), trigger (its number; -1 without any), example_id, label,
    predicted.
    """
    patterns = [one.pattern for one in triggers]
    parts = []
    for name, examples in samples.items():
        without = predict_logits(model, examples, token_budget=token_budget).argmax(dim=1).numpy()
        after = predictions(model, examples, patterns, max_length=max_length, token_budget=token_budget)
        rows = [{"sample": name, "trigger": number} for number in (NO_TRIGGER, *range(len(triggers)))]
        predicted = np.concatenate([without[None], after]).astype(np.int16)
        parts.append(to_columns((rows, places(examples)), predicted=predicted))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def trigger_rows(
    triggers: Sequence[Trigger], tokenizer: PreTrainedTokenizerBase, *, classes: Sequence[str]
) -> list[dict[str, Any]]:
    """What each trigger consists of; `class` is the one predicted for the example that it comes from."""
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
        }
        for one in triggers
    ]
