"""A classifier's logits, each example once and in the given order."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import class_count
from attattr.batching import PADDING_SHARE, TokenBudget, resolve_token_budget
from attattr.inputs import Inputs
from attattr.prefix import frozen, logits_of
from pipeline.errors import InputError
from pipeline.predicting.examples import Batch, Example, collate, length_batches
from pipeline.terminal.progress import bar


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


def forward(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Logits `(batch, classes)`."""
    return logits_of(model, model_inputs(model, batch))


def batches(
    model: PreTrainedModel,
    examples: Sequence[Example],
    *,
    token_budget: TokenBudget,
    padding_share: float = PADDING_SHARE,
    description: str = "predict",
) -> Iterator[tuple[list[Example], Batch]]:
    """The examples in padded batches on the model's device, shortest first, each with the examples that it holds.

    On a terminal a bar with `description` shows how many of them are done.
    """
    budget = resolve_token_budget(token_budget, model, n=max(map(len, examples), default=1))
    with bar(total=len(examples), description=description) as drawn:
        for group in length_batches(examples, token_budget=budget, padding_share=padding_share):
            yield group, batch_of(model, group)
            drawn.update(len(group))


@torch.no_grad()
def predict_logits(
    model: PreTrainedModel, examples: Sequence[Example], *, token_budget: TokenBudget = "auto"
) -> Tensor:
    """Float32 logits `(example, classes)` on the CPU, in the order of `examples`; the model is left as it was.

    Raises InputError naming the first example whose logits are not finite.
    """
    place = {example.example_id: number for number, example in enumerate(examples)}
    logits = torch.full((len(examples), class_count(model)), torch.nan)
    with frozen(model):
        for _, batch in batches(model, examples, token_budget=token_budget):
            logits[[place[example_id] for example_id in batch.example_ids]] = forward(model, batch).float().cpu()
    check_finite(logits, [example.example_id for example in examples])
    return logits


def prediction_rows(logits: Tensor, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """One row per example: `example_id`, `label`, `predicted`, `logits`."""
    return [
        {"example_id": e.example_id, "label": e.label, "predicted": int(row.argmax()), "logits": row.tolist()}
        for e, row in zip(examples, logits, strict=True)
    ]


def check_finite(logits: Tensor, example_ids: Sequence[str]) -> None:
    """Raise InputError naming the first example whose logits are not finite."""
    bad = (~logits.isfinite().all(dim=1)).nonzero().flatten().tolist()
    if bad:
        raise not_finite(example_ids[int(bad[0])])


def not_finite(example_id: str) -> InputError:
    """The error that names an example whose logits are not finite."""
    return InputError(f"the model's logits for example {example_id} are not finite: check its weights")
