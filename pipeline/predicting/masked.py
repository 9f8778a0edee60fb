"""Logits under head masks: many masks of the same examples, by the engine's layers where it knows the model."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import check_head_mask, class_count, head_count, layer_count, masked_heads
from attattr.batching import TokenBudget, resolve_token_budget
from attattr.branching import Masks, masked_passes, under_head_masks
from attattr.copies import frozen
from attattr.encoder import Encoder
from attattr.errors import AttributionError
from attattr.examples import Batch, Example, inputs_of, model_inputs
from attattr.families import describe
from attattr.prefix import agree, entering, logits_of
from pipeline.launch.steps import step
from pipeline.predicting.predict import batches, check_finite, forward

# Of a batch under a mask that all share. The fuller it is, the less it matters to cut the weights down to the mask.
SHARED_PADDING = 0.05


@torch.no_grad()
def masked_logits(
    model: PreTrainedModel, examples: Sequence[Example], masks: Tensor, *, token_budget: TokenBudget = "auto"
) -> Tensor:
    """Float32 logits `(mask, example, classes)` on the CPU, in the order of `examples`.

    `masks` is `(mask, layer, head)`, the same for all examples, or `(mask, example, layer, head)`. What an example's
    masks have in common is run once. Raises InputError naming the first example whose logits are not finite.
    """
    check_head_mask(model, masks.flatten(0, -3))
    budget = resolve_token_budget(token_budget, model, n=max(map(len, examples)))
    place = {example.example_id: number for number, example in enumerate(examples)}
    found = Masks.of(masks.flatten(0, -3).to(model.device))
    index = found.index.unflatten(0, (len(masks), -1)).expand(-1, len(examples), -1)
    result = torch.full((len(masks), len(examples), class_count(model)), torch.nan)
    model = frozen(model)
    encoder = _engine(model, max(examples, key=len))
    # Each example's own masks fill the batches; without padding there is no key mask either.
    padding_share = SHARED_PADDING if masks.ndim == 3 else 0.0
    how = {"token_budget": budget, "padding_share": padding_share, "description": "mask heads"}
    for group, batch in batches(model, examples, **how):
        columns = torch.tensor([place[example.example_id] for example in group])
        own = Masks(found.distinct, index[:, columns].flatten(0, 1))
        rows = torch.arange(len(group)).repeat(len(masks))
        if encoder is None:
            run = partial(_by_the_model, model, batch, rows, own, token_budget=budget)
        else:
            run = partial(_by_the_engine, model, encoder, batch, rows, own, token_budget=budget)
        logits = step(lambda run=run: run().float().cpu(), "mask heads", batch.example_ids)
        result[:, columns] = logits.unflatten(0, (len(masks), -1))
    for row in result:
        check_finite(row, [example.example_id for example in examples])
    return result


def masked_predictions(
    model: PreTrainedModel, examples: Sequence[Example], masks: Tensor, *, token_budget: TokenBudget = "auto"
) -> NDArray[np.int16]:
    """The classes that `masked_logits` predicts, `(mask, example)`."""
    logits = masked_logits(model, examples, masks, token_budget=token_budget)
    return logits.argmax(dim=-1).numpy().astype(np.int16)


def places(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """What a table of outcomes says of each example: its id and its label."""
    return [{"example_id": example.example_id, "label": example.label} for example in examples]


def _engine(model: PreTrainedModel, example: Example) -> Encoder | None:
    """The model as the engine sees it; None where that is not known, or does not give the model's logits."""
    inputs = inputs_of(model, [example])
    # Refuses a model whose heads cannot be masked, or are already.
    masked = masked_heads(model, torch.ones(layer_count(model), head_count(model)))
    expected = logits_of(masked, inputs)
    try:
        encoder = describe(model)
    except AttributionError:
        return None
    hidden, _ = entering(model, inputs)
    return encoder if agree(encoder.forward_from(0, hidden, key_mask=None), expected) else None


def _by_the_engine(
    model: PreTrainedModel, encoder: Encoder, batch: Batch, rows: Tensor, masks: Masks, *, token_budget: int
) -> Tensor:
    """Logits `(item, classes)` of the `rows` of a batch, each under its masks."""
    inputs = model_inputs(model, batch)
    hidden, whole = entering(model, inputs)
    logits = whole[rows]
    # A mask of ones leaves the model's own bit for bit; and no mask may hide that those are not finite.
    unmasked = (masks.whole() == 1).flatten(1).all(dim=1)
    changed = (~unmasked & logits.isfinite().all(dim=1)).nonzero().flatten()
    if len(changed):
        items = changed.cpu()
        logits[changed] = masked_passes(
            encoder,
            hidden,
            rows[items],
            Masks(masks.distinct, masks.index[items]),
            key_mask=inputs.key_mask(),
            attend=under_head_masks,
            token_budget=token_budget,
        )
    return logits


def _by_the_model(model: PreTrainedModel, batch: Batch, rows: Tensor, masks: Masks, *, token_budget: int) -> Tensor:
    """The same by the model's own forward passes: other families, and models with hooks."""
    size = max(1, token_budget // batch.input_ids.shape[1])
    logits = []
    for index, mask in zip(rows.split(size), masks.whole().split(size), strict=True):
        logits.append(forward(masked_heads(model, mask), batch.select(index)))
    return torch.cat(logits)
