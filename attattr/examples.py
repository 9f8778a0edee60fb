"""Tokenised examples, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.inputs import Inputs


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


def model_inputs(model: PreTrainedModel, batch: Batch) -> Inputs:
    """The tensors of a batch that the model takes; RoBERTa and DistilBERT know no second segment."""
    segments = getattr(model.config, "type_vocab_size", 0) > 1
    return Inputs(batch.input_ids, batch.attention_mask, batch.token_type_ids if segments else None)


def batch_of(model: PreTrainedModel, examples: Sequence[Example]) -> Batch:
    """The examples as one padded batch on the model's device."""
    return collate(examples, pad_id=model.config.pad_token_id or 0).to(model.device)


def inputs_of(model: PreTrainedModel, examples: Sequence[Example]) -> Inputs:
    """The tensors that the model takes of the examples, as one padded batch on its device."""
    return model_inputs(model, batch_of(model, examples))
