"""Texts of one's own: from strings to tokens."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attattr.errors import AttributionError
from attattr.examples import Example
from attattr.inputs import position_count
from attattr.segments import encode, require_tokens, segments, special_tokens_before
from attattr.viewer.checks import check_text
from attattr.viewer.kinds import kind_of
from attattr.viewer.measure import NO_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from attattr.output import Output
    from attattr.viewer.view import View

log = logging.getLogger(__name__)

Text = str | tuple[str, str]


def default_output(model: PreTrainedModel) -> Output:
    """The class's probability, as in the paper; the logit where outputs are no classes that exclude each other."""
    return "probability" if kind_of(model) == "classes" else "logit"


def to_examples(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[Text]) -> list[Example]:
    """Tokenised, cut where they are longer than the model reads, with a warning; named by their place, from 1.

    Raises:
        AttributionError: for a text that is empty, or of which the tokenizer makes no token, for one that is no
            Unicode, and for a mixture of texts and pairs.
    """
    pairs = [not isinstance(text, str) for text in texts]
    if any(pairs) and not all(pairs):
        raise AttributionError(
            f"text {pairs.index(not pairs[0]) + 1} is {'no' if pairs[0] else 'a'} pair, unlike the first"
        )
    for number, text in enumerate(texts, start=1):
        for part in [text] if isinstance(text, str) else text:
            check_text(part, name=f"text {number}")
    if not texts:
        return []
    columns: list[Any] = [list(column) for column in (zip(*texts, strict=True) if pairs[0] else [texts])]
    encoded: Any
    encoded, lengths = encode(tokenizer, columns, max_length=position_count(model))
    for number, (read, length) in enumerate(zip(encoded["input_ids"], lengths, strict=True), start=1):
        if len(read) < length:
            log.warning("text %d is cut: it has %d tokens, the model reads %d", number, length, len(read))
    before = special_tokens_before(tokenizer, texts=len(columns))
    rows = zip(encoded["input_ids"], encoded["token_type_ids"], encoded["special_tokens_mask"], strict=True)
    examples = [
        Example(str(number), ids, types, NO_LABEL, segments(mask, before))
        for number, (ids, types, mask) in enumerate(rows, start=1)
    ]
    for example, *parts in zip(examples, *columns, strict=True):
        require_tokens(parts, example.segments, names=[f"text {example.example_id}"] * len(parts))
    return examples


def with_words(view: View, tokenizer: PreTrainedTokenizerBase, text: Text) -> View:
    """The view with the text's own words for the tokens that stand for unknown ones, where the tokenizer tells."""
    parts = [text] if isinstance(text, str) else list(text)
    encoded, _ = encode(tokenizer, [[part] for part in parts], max_length=len(view.tokens))
    if not encoded.is_fast:  # others do not keep the places in the text
        return view
    tokens = list(view.tokens)
    for place in view.unknown:
        part, span = encoded.token_to_sequence(0, place), encoded.token_to_chars(0, place)
        if part is not None and span is not None:
            tokens[place] = parts[part][span.start : span.end] or tokens[place]
    return replace(view, tokens=tokens)
