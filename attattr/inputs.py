"""The inputs of one call: what the model can read, as one batch, and the classes that are asked about."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attattr.attention import class_count
from attattr.checks import check_differentiable, check_exclusive_classes, check_tensor
from attattr.errors import AttributionError


@dataclass(frozen=True)
class Inputs:
    """A right-padded batch. `input_ids`, `attention_mask`, `token_type_ids`: `(batch, n)`; the last may be None."""

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor | None

    @property
    def lengths(self) -> Tensor:
        """Tokens per example, `(batch,)`."""
        return self.attention_mask.sum(dim=1)

    def select(self, index: Tensor) -> "Inputs":
        """The examples `index`, trimmed to the longest of them."""
        n = int(self.lengths[index].max())
        types = None if self.token_type_ids is None else self.token_type_ids[index, :n]
        return Inputs(self.input_ids[index, :n], self.attention_mask[index, :n], types)

    def trimmed(self) -> "Inputs":
        """All examples, without columns that hold padding alone."""
        return self.select(torch.arange(len(self.input_ids), device=self.input_ids.device))

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of the model's own forward pass."""
        types = {} if self.token_type_ids is None else {"token_type_ids": self.token_type_ids}
        return {"input_ids": self.input_ids, "attention_mask": self.attention_mask, **types}

    def key_mask(self) -> Tensor | None:
        """Boolean `(batch, 1, 1, n)`, True where a key may be attended; None if nothing is padded."""
        mask = self.attention_mask.bool()
        return None if bool(mask.all()) else mask[:, None, None, :]


def checked_inputs(
    model: PreTrainedModel, *, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None
) -> Inputs:
    """The batch, its tensors int64, if `model` can read it.

    Raises AttributionError for tensors of another shape, type or device, for ids outside of the vocabulary or the
    token types, for more tokens than positions, and for a batch that is not right-padded.
    """
    given = {"input_ids": input_ids, "attention_mask": attention_mask}
    given |= {} if token_type_ids is None else {"token_type_ids": token_type_ids}
    for name, tensor in given.items():
        check_tensor(name, tensor, shape="(batch, n)")
        if tensor.device != model.device:
            raise AttributionError(f"{name} is on {tensor.device}, the model on {model.device}: move one to the other")
    if input_ids.ndim != 2 or 0 in input_ids.shape:
        raise AttributionError(f"input_ids has shape {tuple(input_ids.shape)}: it must be (batch, n), not empty")
    for name, tensor in given.items():
        if tensor.shape != input_ids.shape:
            raise AttributionError(f"{name} has shape {tuple(tensor.shape)}, input_ids {tuple(input_ids.shape)}")
    _check_whole("input_ids", input_ids, below=_rows(model.get_input_embeddings()))
    _check_mask(attention_mask)
    types = _table(model, "token_type_embeddings")
    if token_type_ids is not None:
        _check_whole("token_type_ids", token_type_ids, below=1 if types is None else _rows(types))
    # A family without token types takes no such argument.
    known = None if token_type_ids is None or types is None else token_type_ids.long()
    inputs = Inputs(input_ids.long(), attention_mask.long(), known)
    longest, positions = int(inputs.lengths.max()), position_count(model)
    if positions is not None and longest > positions:
        raise AttributionError(f"an input has {longest} tokens, the model {positions} positions: truncate it")
    return inputs


def labelled_inputs(
    model: PreTrainedModel, *, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None, labels: Tensor
) -> tuple[Inputs, Tensor]:
    """The batch, trimmed to its longest example, and its gold classes, for the gradient of their loss.

    Raises AttributionError where the model has no such gradient, and as `checked_inputs` and `class_ids` do.
    """
    check_differentiable(model)
    check_exclusive_classes(model, what="the loss of a label needs a classifier")
    inputs = checked_inputs(model, input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
    gold = class_ids(labels, name="labels", batch=len(input_ids), classes=class_count(model), device=model.device)
    # The loss keeps them for its gradient, which tensors made in inference mode do not allow.
    return inputs.trimmed(), gold.clone()


def position_count(model: PreTrainedModel) -> int | None:
    """How many tokens the model has positions for; None where it does not say."""
    table = _table(model, "position_embeddings")
    if table is None:
        return getattr(model.config, "max_position_embeddings", None)
    # RoBERTa and its kin count from behind the padding token's id.
    padding = getattr(table, "padding_idx", None)
    return _rows(table) - (0 if padding is None else padding + 1)


def class_ids(ids: Tensor | int, *, name: str, batch: int, classes: int, device: torch.device) -> Tensor:
    """One class for each example, `(batch,)`, int64, from ids `(batch,)` or one id for all.

    Raises AttributionError for another shape or type, and for a class that the model does not have.
    """
    if not isinstance(ids, Tensor) and type(ids) is not int:
        raise AttributionError(f"{name} is {ids!r}: it must be a class id or a tensor of class ids")
    if isinstance(ids, int) and not 0 <= ids < classes:  # it may be one that no tensor holds
        raise AttributionError(f"{name} {ids} is outside the model's {classes} classes")
    found = ids if isinstance(ids, Tensor) else torch.full((batch,), ids)
    if found.shape != (batch,) or not _whole(found):
        raise AttributionError(
            f"{name} is a {found.dtype} tensor of shape {tuple(found.shape)}: it must hold {batch} class ids"
        )
    if bool(((found < 0) | (found >= classes)).any()):
        raise AttributionError(f"{name} {found.tolist()} is outside the model's {classes} classes")
    return found.to(device).long()


def _table(model: PreTrainedModel, name: str) -> nn.Module | None:
    """A table of the model's embeddings, None where the family has none of that name."""
    return getattr(getattr(model.base_model, "embeddings", None), name, None)


def _rows(table: Any) -> int:
    return len(table.weight)


def _whole(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)


def _check_whole(name: str, tensor: Tensor, *, below: int) -> None:
    if not _whole(tensor):
        raise AttributionError(f"{name} is of {tensor.dtype}: it must hold whole numbers, torch.long")
    bad = tensor[(tensor < 0) | (tensor >= below)]
    if len(bad):
        raise AttributionError(
            f"{name} holds {int(bad[0])}, but the model knows 0 to {below - 1}: use its own tokenizer"
        )


def _check_mask(attention_mask: Tensor) -> None:
    if bool(((attention_mask != 0) & (attention_mask != 1)).any()):
        raise AttributionError("attention_mask holds values other than 0 and 1: pass 1 for tokens and 0 for padding")
    mask = attention_mask.bool()
    if not bool(mask[:, 0].all()) or bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise AttributionError("attention_mask must be ones followed by zeros in every row: pad on the right")
