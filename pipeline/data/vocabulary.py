"""Whether a tokenizer belongs to a model, and knows the words of the texts."""

from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attattr.segments import require_tokens
from pipeline.errors import InputError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

    from pipeline.values.task_table import Task

# Of real GLUE under the tokenizer of its model 0.0 % of the tokens are unknown; under one that does not lower capitals,
# for a vocabulary without any, 11 to 18 %; under that of another planted task 38 %.


def check_tokenizer(tokenizer: "PreTrainedTokenizerBase", config: "PretrainedConfig", *, location: str) -> None:
    """Raise InputError unless the tokenizer at `location` can be that of the model with this config.

    transformers makes a tokenizer up where it finds no files of one, or only those of another kind.
    """
    remedy = "save the model's own tokenizer beside it, with save_pretrained"
    files = sorted({str(name) for name in tokenizer.vocab_files_names.values()})
    if Path(location).is_dir() and not any((Path(location) / name).is_file() for name in files):
        raise InputError(f"{location} holds no tokenizer (none of {', '.join(files)}): {remedy}")
    ids, embeddings = max(tokenizer.get_vocab().values()) + 1, getattr(config, "vocab_size", 0)
    if ids > embeddings or ids < embeddings / 2:
        raise InputError(f"the tokenizer of {location} has {ids} ids, but the model {embeddings} embeddings: {remedy}")
    for kind in ("cls", "sep", "pad"):
        if getattr(tokenizer, f"{kind}_token_id") is None:
            raise InputError(f"the tokenizer of {location} has no {kind}_token: {remedy}")
    if config.pad_token_id not in (None, tokenizer.pad_token_id):
        raise InputError(
            f"the tokenizer of {location} pads with id {tokenizer.pad_token_id}, but the model with "
            f"{config.pad_token_id}: {remedy}"
        )
    framed = tokenizer("a")["input_ids"]
    if (framed[0], framed[-1]) != (tokenizer.cls_token_id, tokenizer.sep_token_id):
        raise InputError(
            f"the tokenizer of {location} does not put {tokenizer.cls_token} before a text and {tokenizer.sep_token} "
            f"behind it, but the classifier reads the first token: {remedy}"
        )


def check_read(rows: Iterable[Mapping[str, Any]], examples: Iterable[Mapping[str, Any]], task: "Task") -> None:
    """Raise AttributionError for the first text that the tokenizer leaves nothing of, with split, row and column."""
    for row, example in zip(rows, examples, strict=True):
        split, _, place = row["example_id"].partition("-")
        where = f"{task.name}/{task.train if split == 'train' else task.dev} row {place}"
        names = [f"{where}, column {column}," for column in task.texts]
        require_tokens([row[column] for column in task.texts], example["segments"], names=names)


def check_known(
    examples: Iterable[Mapping[str, Any]], tokenizer: "PreTrainedTokenizerBase", task: str, *, most: float
) -> None:
    """Raise InputError if more of the tokens are unknown than the share `most`."""
    unknown = tokens = 0
    for example in examples:
        tokens += len(example["input_ids"])
        unknown += example["input_ids"].count(tokenizer.unk_token_id)
    if tokens and unknown / tokens > most:
        raise InputError(
            f"{unknown} of {tokens} tokens of {task} are {tokenizer.unk_token}, above prepare.max_unknown, {most:g}: "
            "the model's tokenizer is not its own, or not of this language; where it is, set prepare.max_unknown to "
            f"{ceil(1000 * unknown / tokens) / 1000:g}"
        )
