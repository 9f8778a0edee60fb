"""A classifier's logits, each example once and in the given order."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import class_count
from attattr.batching import PADDING_SHARE, TokenBudget, resolve_token_budget
from attattr.copies import frozen
from attattr.examples import Batch, Example, batch_of, model_inputs
from attattr.prefix import logits_of
from pipeline.errors import InputError
from pipeline.launch.steps import step
from pipeline.predicting.examples import length_batches
from pipeline.terminal.progress import bar


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
    model = frozen(model)
    for _, batch in batches(model, examples, token_budget=token_budget):
        found = step(lambda batch=batch: forward(model, batch).float().cpu(), "predict", batch.example_ids)
        logits[[place[example_id] for example_id in batch.example_ids]] = found
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
