"""Tokenised examples: reading, batching and padding them."""

from collections.abc import Sequence
from pathlib import Path

from attattr.batching import PADDING_SHARE, group_by_length
from attattr.examples import Example
from pipeline.values.randomness import first_by_hash
from pipeline.values.store import read_rows


def read_examples(path: Path) -> list[Example]:
    """The examples of a file that `prepare` wrote, in its order."""
    columns = ["example_id", "input_ids", "token_type_ids", "label", "segments"]
    return [Example(**row) for row in read_rows(path, columns=columns)]


def subset(examples: Sequence[Example], count: int | None) -> list[Example]:
    """The `count` examples whose ids come first by their hash, in their order; None takes all.

    The same in every replicate, and a smaller subset is part of a larger one.
    """
    return [examples[place] for place in first_by_hash([example.example_id for example in examples], count)]


def length_batches(
    examples: Sequence[Example], *, token_budget: int, copies: int = 1, padding_share: float = PADDING_SHARE
) -> list[list[Example]]:
    """The examples in order of length, cut so that `copies` of a batch fit the budget and little is padding."""
    lengths = [len(example) for example in examples]
    groups = group_by_length(lengths, copies=copies, token_budget=token_budget, padding_share=padding_share)
    return [[examples[number] for number in group] for group in groups]
