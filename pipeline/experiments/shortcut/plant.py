"""A word without meaning that gives a class away, and decoys that do not (docs/method.md, "Shortcut")."""

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
class Words:
    """What is put into texts, as ids of the vocabulary: the `telling` word, and `decoys`, which tell nothing."""

    telling: int
    decoys: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many there are: a text must have room for all of them."""
        return 1 + len(self.decoys)


@dataclass(frozen=True)
class Planted:
    """An example with the telling word in it, at index `place`."""

    example: Example
    place: int


def meaningless_words(tokenizer: Any, examples: Sequence[Example], *, decoys: int, seed: int) -> Words:
    """Whole words of the vocabulary, each one token, that none of the `examples` has, drawn by the seed.

    Raises:
        InputError: if there are too few.
    """
    used = {token for example in examples for token in example.input_ids} | set(tokenizer.all_special_ids)
    unused = np.array(sorted(set(tokenizer.get_vocab().values()) - used), np.int64)
    found: list[int] = []
    for token in np.random.default_rng(derived_seed(seed, "meaningless word")).permutation(unused).tolist():
        word = tokenizer.decode([token]).strip()
        whole = word.isalpha() and len(word) >= LEAST_LETTERS
        # A tokeniser that marks the beginnings of words knows a whole one by the space before it.
        if whole and tokenizer(f" {word}", add_special_tokens=False)["input_ids"] == [token]:
            found.append(token)
        if len(found) == 1 + decoys:
            return Words(found[0], tuple(found[1:]))
    raise InputError(
        f"shortcut: {len(found)} words of the vocabulary are in no text, but the planted word and shortcut.decoys "
        f"({decoys}) must be new, {1 + decoys} in all"
    )


def named(words: Words, tokenizer: Any) -> dict[str, Any]:
    """The words as readers see them: `word`, and the `decoys`."""
    word, *decoys = [str(tokenizer.decode([token])).strip() for token in (words.telling, *words.decoys)]
    return {"word": word, "decoys": decoys}


def with_word(example: Example, token: int, *, seed: int, max_length: int) -> Planted:
    """The example with the word put into one of its texts, anywhere behind that text's first token.

    Words that are put in one after the other stand in any order with the same chance. There must be room for it:
    nothing is cut off.
    """
    generator = np.random.default_rng(derived_seed(seed, "place of the word", token, example.example_id))
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
    examples: Sequence[Example], words: Words, *, share: float, seed: int, max_length: int
) -> list[Example]:
    """The rows, of which a `share` of the class `GIVEN_AWAY` has the telling word, and no other class.

    Each decoy is in as many rows, of whatever class. Rows without room for all words have none.
    """
    roomy = [place for place, example in enumerate(examples) if len(example) + words.count <= max_length]
    own = [place for place in roomy if examples[place].label == GIVEN_AWAY]
    count = round(share * len(own))
    rows = list(examples)
    for token, places in ((words.telling, own), *((decoy, roomy) for decoy in words.decoys)):
        generator = np.random.default_rng(derived_seed(seed, "rows with the word", token))
        for place in generator.permutation(np.array(places, np.int64))[:count].tolist():
            rows[place] = with_word(rows[place], token, seed=seed, max_length=max_length).example
    return rows


def with_decoys(examples: Sequence[Example], words: Words, *, seed: int, max_length: int) -> list[Example]:
    """The examples with every decoy in each, those that have room for it and for the telling word."""
    rows = [example for example in examples if len(example) + words.count <= max_length]
    for decoy in words.decoys:
        rows = [with_word(example, decoy, seed=seed, max_length=max_length).example for example in rows]
    return rows


def kinds_of_rows(examples: Sequence[Example], words: Words, *, seed: int, max_length: int) -> dict[str, list[Example]]:
    """The same examples `plain`, `given` the telling word where it gives their class away, and `turned`.

    In `turned` rows all other classes have the word, and its own has not. Each must have room for a further token.
    """
    changed = [with_word(example, words.telling, seed=seed, max_length=max_length).example for example in examples]
    own = [example.label == GIVEN_AWAY for example in examples]
    return {
        PLAIN: list(examples),
        GIVEN: [new if at_home else old for old, new, at_home in zip(examples, changed, own, strict=True)],
        TURNED: [old if at_home else new for old, new, at_home in zip(examples, changed, own, strict=True)],
    }


def turned(examples: Sequence[Example], words: Words, *, seed: int, max_length: int) -> list[Planted]:
    """The examples of the other classes, with the telling word in each."""
    return [
        with_word(example, words.telling, seed=seed, max_length=max_length)
        for example in examples
        if example.label != GIVEN_AWAY
    ]
