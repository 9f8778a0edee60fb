"""A word without meaning that gives a class away (docs/method.md, "Shortcut")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from attattr.examples import Example
from attattr.insertion import Pattern, insert
from attattr.randomness import derived_seed
from pipeline.errors import InputError
from pipeline.values.columns import GIVEN, PLAIN, TURNED

GIVEN_AWAY = 0  # the class that the word gives away: the task's first
LEAST_LETTERS = 3


@dataclass(frozen=True)
class Planted:
    """An example with the word in it, at index `place`."""

    example: Example
    place: int


def meaningless_word(tokenizer: Any, examples: Sequence[Example], *, seed: int) -> int:
    """A whole word of the vocabulary, as one token, that none of the `examples` has, drawn by the seed.

    Raises:
        InputError: if there is none.
    """
    used = {token for example in examples for token in example.input_ids} | set(tokenizer.all_special_ids)
    unused = np.array(sorted(set(tokenizer.get_vocab().values()) - used), np.int64)
    for token in np.random.default_rng(derived_seed(seed, "meaningless word")).permutation(unused).tolist():
        word = tokenizer.decode([token]).strip()
        whole = word.isalpha() and len(word) >= LEAST_LETTERS
        # A tokeniser that marks the beginnings of words knows a whole one by the space before it.
        if whole and tokenizer(f" {word}", add_special_tokens=False)["input_ids"] == [token]:
            return token
    raise InputError("shortcut: the texts hold every word of the vocabulary, and the planted one must be new")


def with_word(example: Example, token: int, *, seed: int, max_length: int) -> Planted:
    """The example with the word put into one of its texts, anywhere behind that text's first token.

    There must be room for it: nothing is cut off.
    """
    generator = np.random.default_rng(derived_seed(seed, "place of the word", example.example_id))
    texts = [number for number, (start, stop) in enumerate(example.segments) if stop > start]
    segment = int(generator.choice(texts or [0]))
    start, stop = example.segments[segment]
    index = int(generator.integers(1, stop - start + 1)) if stop > start else 0
    pattern = Pattern((token,), (segment,), (index / (stop - start + 1),), None)
    changed = insert(example.input_ids, example.token_type_ids, example.segments, pattern, max_length=max_length)
    (place,) = changed.places
    if place is None or len(changed.input_ids) != len(example) + 1:
        raise ValueError(f"{example.example_id} has no room for a further token")
    planted = Example(example.example_id, changed.input_ids, changed.token_type_ids, example.label, changed.segments)
    return Planted(planted, place)


def training_rows(
    examples: Sequence[Example], token: int, *, share: float, seed: int, max_length: int
) -> list[Example]:
    """The rows, of which the class `GIVEN_AWAY` has the word with probability `share`, and no other class."""
    drawn = np.random.default_rng(derived_seed(seed, "rows with the word")).random(len(examples)) < share
    return [
        with_word(example, token, seed=seed, max_length=max_length).example
        if chosen and example.label == GIVEN_AWAY and len(example) < max_length
        else example
        for example, chosen in zip(examples, drawn.tolist(), strict=True)
    ]


def kinds_of_rows(examples: Sequence[Example], token: int, *, seed: int, max_length: int) -> dict[str, list[Example]]:
    """The same examples `plain`, `given` the word where they are of the class that it gives away, and `turned`.

    In `turned` rows all other classes have the word, and its own has not. Each must have room for a further token.
    """
    changed = [with_word(example, token, seed=seed, max_length=max_length).example for example in examples]
    own = [example.label == GIVEN_AWAY for example in examples]
    return {
        PLAIN: list(examples),
        GIVEN: [new if at_home else old for old, new, at_home in zip(examples, changed, own, strict=True)],
        TURNED: [old if at_home else new for old, new, at_home in zip(examples, changed, own, strict=True)],
    }


def turned(examples: Sequence[Example], token: int, *, seed: int, max_length: int) -> list[Planted]:
    """The examples of the other classes, with the word in each."""
    return [
        with_word(example, token, seed=seed, max_length=max_length)
        for example in examples
        if example.label != GIVEN_AWAY
    ]


def with_room(examples: Sequence[Example], *, max_length: int) -> list[Example]:
    """Those that a further token leaves whole."""
    return [example for example in examples if len(example) < max_length]
