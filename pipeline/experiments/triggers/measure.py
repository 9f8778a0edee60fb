"""E6, adversarial triggers: what a model predicts for examples with a pattern in them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from pipeline.analysis.triggers import Answers, Evaluation, run_on_dev, select_best
from pipeline.attattr.batching import TokenBudget
from pipeline.attattr.triggers import Pattern, insert
from pipeline.errors import InputError
from pipeline.experiments.triggers.mining import Trigger
from pipeline.predicting.examples import Example, sampled
from pipeline.predicting.predict import predict_logits
from pipeline.values.schema import Triggers

SEQUENCES_AT_ONCE = 4096  # bounds the memory of the examples with a pattern in them


def selection_samples(heldout: Sequence[Example], *, settings: Triggers) -> tuple[list[Example], list[Example]]:
    """The held-out examples on which the best triggers are selected, and those of HotFlip's gradient.

    They are disjoint where there are enough: otherwise HotFlip alone would be judged by what it was made from.
    """
    if not heldout:
        raise InputError("prepare.n_heldout is 0, but triggers are selected on held-out examples")
    select = sampled(heldout, settings.n_select, settings.seed)
    chosen = {example.example_id for example in select}
    rest = [example for example in heldout if example.example_id not in chosen]
    return select, sampled(rest or heldout, settings.hotflip_batch, settings.seed)


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
) -> Evaluation:
    """Run all triggers on the selection sample, and on dev the mined ones and the `best` of each kind, each once."""
    kinds = [one.kind for one in triggers]

    def answers(examples: Sequence[Example], numbers: Sequence[int]) -> Answers:
        patterns = [triggers[number].pattern for number in numbers]
        return Answers(
            labels=np.array([example.label for example in examples], np.int64),
            before=predict_logits(model, examples, token_budget=token_budget).argmax(dim=1).numpy(),
            after=predictions(model, examples, patterns, max_length=max_length, token_budget=token_budget),
        )

    on_select = answers(select, range(len(triggers)))
    chosen = select_best(kinds, on_select.lost, count=best)
    on_dev = run_on_dev(kinds, chosen)
    return Evaluation(best=chosen, on_dev=on_dev, select=on_select, dev=answers(dev, on_dev))


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
