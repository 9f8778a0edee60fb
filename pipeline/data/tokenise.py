"""From texts to token ids."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import BertTokenizer, PreTrainedTokenizerBase

from attattr.segments import encode, segments, special_tokens_before
from pipeline.data import planted
from pipeline.data.checkpoint import model_location, read_config
from pipeline.data.vocabulary import check_tokenizer
from pipeline.errors import InputError, refused

if TYPE_CHECKING:
    from pipeline.values.inputs import Model
    from pipeline.values.task_table import Task

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def load_tokenizer(model: Model, task: str, seed: int) -> PreTrainedTokenizerBase:
    """The tokenizer beside the weights; for a model from scratch, one token per planted word.

    Raises:
        InputError: in one line, if it cannot be read, or does not belong to the model.
    """
    if model.source == "scratch":
        words = [*SPECIAL_TOKENS, ".", *(word for word in planted.vocabulary(task) if word != ".")]
        return BertTokenizer(vocab={word: number for number, word in enumerate(words)}, do_lower_case=True)
    # Imports torch, which a model from scratch does not need here.
    from transformers import AutoTokenizer

    location = model_location(model, task, seed)
    config = read_config(location, model)
    with refused(f"the tokenizer of {location} cannot be loaded", remedy="save it again, with save_pretrained"):
        revision = model.revision or "main"
        tokenizer = AutoTokenizer.from_pretrained(location, revision=revision, trust_remote_code=False)
    check_tokenizer(tokenizer, config, location=location)
    return tokenizer


def tokenizer_of(data: Path, model: Model, task: str, seed: int) -> PreTrainedTokenizerBase:
    """The tokenizer by which `prepare` made the examples in the folder `data`.

    Raises:
        InputError: unless it is that of the initial weights, too.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(data / "tokenizer")
    if load_tokenizer(model, task, seed).get_vocab() != tokenizer.get_vocab():
        raise InputError(f"{data} was made with another tokenizer than that of the model: run prepare with this model")
    return tokenizer


def tokenise(
    rows: list[dict[str, Any]], tokenizer: PreTrainedTokenizerBase, task: Task, *, max_length: int
) -> tuple[list[dict[str, Any]], int]:
    """Rows with `input_ids`, `token_type_ids`, `segments`, `label`, `example_id`, and how many texts were cut.

    `segments` are start and stop of each text's own tokens; the tokens outside are special. A text that holds the name
    of a special token is read as the tokeniser reads it, mostly as that token, which then is one of the text's own.
    Planted rows keep the positions of their deciding tokens, as `deciding_positions`.
    """
    if not rows:
        return [], 0
    texts = [[row[column] for row in rows] for column in task.texts]
    encoded, lengths = encode(tokenizer, texts, max_length=max_length)
    before = special_tokens_before(tokenizer, texts=len(texts))
    result = []
    for number, row in enumerate(rows):
        example = {
            "example_id": row["example_id"],
            "input_ids": encoded["input_ids"][number],
            "token_type_ids": encoded["token_type_ids"][number],
            "segments": segments(encoded["special_tokens_mask"][number], before),
            "label": row["label"],
        }
        if "deciding_words" in row:
            places = list(zip(encoded.sequence_ids(number), encoded.word_ids(number), strict=True))
            example["deciding_positions"] = [places.index((s, w)) for s, w in row["deciding_words"] if (s, w) in places]
        result.append(example)
    return result, sum(length > max_length for length in lengths)


def digest(rows: list[dict[str, Any]]) -> str:
    """A fingerprint of a tokenised split: the same ids, tokens and labels in the same order give the same one."""
    keys = ("example_id", "input_ids", "token_type_ids", "label")
    text = json.dumps([[row[key] for key in keys] for row in rows])
    return hashlib.sha256(text.encode()).hexdigest()


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the tokenizer; it holds no path of the place it came from."""
    tokenizer.init_kwargs.pop("name_or_path", None)
    tokenizer.save_pretrained(folder)
