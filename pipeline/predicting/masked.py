"""Logits under head masks: many masks in one batch, each example once per different mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.attention import class_count, masked_heads
from pipeline.attattr.batching import TokenBudget, resolve_token_budget
from pipeline.attattr.prefix import frozen
from pipeline.predicting.examples import Batch, Example
from pipeline.predicting.predict import batches, check_finite, forward


@torch.no_grad()
def masked_logits(
    model: PreTrainedModel, examples: Sequence[Example], masks: Tensor, *, token_budget: TokenBudget = "auto"
) -> Tensor:
    """Float32 logits `(mask, example, classes)` on the CPU, in the order of `examples`.

    `masks` is `(mask, layer, head)`, the same for all examples, or `(mask, example, layer, head)`. Equal masks of an
    example are run once.
    """
    shared = masks.ndim == 3
    back = torch.arange(len(masks))
    if shared:
        masks, back = masks.unique(dim=0, return_inverse=True)
    budget = resolve_token_budget(token_budget, model, n=max(map(len, examples)))
    place = {example.example_id: number for number, example in enumerate(examples)}
    result = torch.full((len(masks), len(examples), class_count(model)), torch.nan)
    with frozen(model):
        for group, batch in batches(model, examples, token_budget=budget):
            columns = torch.tensor([place[example_id] for example_id in batch.example_ids])
            per_example = masks[:, None].expand(-1, len(group), -1, -1) if shared else masks[:, columns]
            result[:, columns] = _group_logits(model, batch, per_example, budget=budget)
    for row in result:
        check_finite(row, [example.example_id for example in examples])
    return result[back]


def masked_predictions(
    model: PreTrainedModel, examples: Sequence[Example], masks: Tensor, *, token_budget: TokenBudget = "auto"
) -> NDArray[np.int16]:
    """The classes that `masked_logits` predicts, `(mask, example)`."""
    logits = masked_logits(model, examples, masks, token_budget=token_budget)
    return logits.argmax(dim=-1).numpy().astype(np.int16)


def places(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """What a table of outcomes says of each example: its id and its label."""
    return [{"example_id": example.example_id, "label": example.label} for example in examples]


def _group_logits(model: PreTrainedModel, batch: Batch, masks: Tensor, *, budget: int) -> Tensor:
    """Logits `(mask, batch, classes)`; `masks` is `(mask, batch, layer, head)`."""
    count, examples = masks.shape[:2]
    # Rows of one table, one per (mask, example); rows that share example and mask are computed once.
    table = torch.cat([torch.arange(examples).repeat(count)[:, None].float(), masks.flatten(0, 1).flatten(1)], dim=1)
    rows, back = table.unique(dim=0, return_inverse=True)
    size = max(1, budget // batch.input_ids.shape[1])
    logits = []
    for part in rows.split(size):
        index = part[:, 0].long().to(model.device)
        mask = part[:, 1:].unflatten(1, tuple(masks.shape[2:])).to(model.device)
        piece = Batch(
            [], batch.input_ids[index], batch.attention_mask[index], batch.token_type_ids[index], batch.labels[index]
        )
        with masked_heads(model, mask):
            logits.append(forward(model, piece).float().cpu())
    return torch.cat(logits)[back].unflatten(0, (count, examples))
