"""Tokenised examples: reading, batching and padding them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from attattr.batching import PADDING_SHARE, group_by_length
from pipeline.values.randomness import first_by_hash
from pipeline.values.store import read_rows


@dataclass(frozen=True)
class Example:
    """One tokenised example; special tokens included, no padding.

    `segments` are start and stop of each text's own tokens, one text or two, as the tokeniser tells them. The tokens
    outside are special; an own token may have a special one's id, where the text has its name.
    """

    example_id: str
    input_ids: list[int]
    token_type_ids: list[int]
    label: int
    segments: list[list[int]]

    @property
    def own(self) -> list[int]:
        """The places of the texts' own tokens."""
        return [place for start, stop in self.segments for place in range(start, stop)]

    @property
    def special(self) -> list[bool]:
        """Which tokens the tokeniser put around the texts: [CLS], [SEP]."""
        own = set(self.own)
        return [place not in own for place in range(len(self))]

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True)
class Batch:
    """A right-padded batch; tensors are `(batch, n)`, labels `(batch,)`."""

    example_ids: list[str]
    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor
    labels: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """The batch on another device."""
        moved = (
            tensor.to(device) for tensor in (self.input_ids, self.attention_mask, self.token_type_ids, self.labels)
        )
        return Batch(self.example_ids, *moved)

    def select(self, rows: Tensor) -> "Batch":
        """The rows of those numbers, any as often as wanted."""
        tensors = (self.input_ids, self.attention_mask, self.token_type_ids, self.labels)
        return Batch([self.example_ids[row] for row in rows.tolist()], *(tensor[rows] for tensor in tensors))


def read_examples(path: Path) -> list[Example]:
    """The examples of a file that `prepare` wrote, in its order."""
    columns = ["example_id", "input_ids", "token_type_ids", "label", "segments"]
    return [Example(**row) for row in read_rows(path, columns=columns)]


def subset(examples: Sequence[Example], count: int | None) -> list[Example]:
    """The `count` examples whose ids come first by their hash, in their order; None takes all.

    The same in every replicate, and a smaller subset is part of a larger one.
    """
    return [examples[place] for place in first_by_hash([example.example_id for example in examples], count)]


def collate(examples: Sequence[Example], *, pad_id: int) -> Batch:
    """Pad on the right to the longest example."""
    n = max(len(example) for example in examples)

    def padded(rows: list[list[int]], value: int) -> Tensor:
        return torch.tensor([row + [value] * (n - len(row)) for row in rows], dtype=torch.long)

    return Batch(
        example_ids=[example.example_id for example in examples],
        input_ids=padded([example.input_ids for example in examples], pad_id),
        attention_mask=padded([[1] * len(example) for example in examples], 0),
        token_type_ids=padded([example.token_type_ids for example in examples], 0),
        labels=torch.tensor([example.label for example in examples]),
    )


def length_batches(
    examples: Sequence[Example], *, token_budget: int, copies: int = 1, padding_share: float = PADDING_SHARE
) -> list[list[Example]]:
    """The examples in order of length, cut so that `copies` of a batch fit the budget and little is padding."""
    lengths = [len(example) for example in examples]
    groups = group_by_length(lengths, copies=copies, token_budget=token_budget, padding_share=padding_share)
    return [[examples[number] for number in group] for group in groups]
