"""Texts as tokens: which are a text's own, and which the tokeniser put around them. Needs no torch."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from attattr.errors import AttributionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import BatchEncoding, PreTrainedTokenizerBase

MOST_UNKNOWN = 0.05
"""The share of a text's own tokens, above which a model cannot tell enough of its words apart."""
LONGEST_SHOWN = 20  # characters


def special_tokens_before(tokenizer: PreTrainedTokenizerBase, *, texts: int) -> list[int]:
    """How many special tokens the tokeniser puts before each of an example's one or two texts.

    Asked of texts that are not empty, as an empty one leaves no trace between its special tokens.
    """
    mask = tokenizer("a", "a" if texts == 2 else None, return_special_tokens_mask=True)["special_tokens_mask"]
    starts = [place for place, special in enumerate(mask) if not special and (place == 0 or mask[place - 1])]
    if len(starts) != texts:
        raise AttributionError(
            "the tokenizer puts no special token between two texts, which then cannot be told apart: give its "
            "tokenizer.json the post-processor of the model's family"
        )
    return [sum(mask[stop:start]) for stop, start in pairwise([0, *starts])]


def segments(special_tokens_mask: list[int], before: list[int]) -> list[list[int]]:
    """Start and stop of each text's own tokens."""
    segments, stop = [], 0
    for count in before:
        start = stop + count
        stop = [*special_tokens_mask, 1].index(1, start)
        segments.append([start, stop])
    return segments


def require_tokens(texts: Sequence[str], spans: Sequence[Sequence[int]], *, names: Sequence[str]) -> None:
    """Raise AttributionError, with its name, for the first of an example's texts of which its segment has no token.

    Tokenizers drop characters that are not seen, such as zero-width spaces and soft hyphens.
    """
    for text, (start, stop), name in zip(texts, spans, names, strict=True):
        if start == stop:
            shown = ascii(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")
            raise AttributionError(
                f"{name} is empty to the model: its tokenizer drops {shown}; mend it or leave it out"
            )


def encode(
    tokenizer: PreTrainedTokenizerBase, columns: Sequence[list[str]], *, max_length: int | None
) -> tuple[BatchEncoding, list[int]]:
    """Texts, or pairs of texts in two `columns`, as at most `max_length` tokens, and how many each has uncut."""
    how: dict[str, Any] = {"return_token_type_ids": True, "return_special_tokens_mask": True, "verbose": False}
    how |= dict(zip(("text", "text_pair"), columns, strict=False))
    whole = tokenizer(**how)
    lengths = [len(ids) for ids in whole["input_ids"]]
    if max_length is None or max(lengths) <= max_length:
        return whole, lengths
    return tokenizer(truncation=True, max_length=max_length, **how), lengths
