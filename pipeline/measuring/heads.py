"""Importance of every head for each example, as its label has it: by gradients, or by the head's removal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from attattr.attention import head_count, layer_count
from attattr.attribution import attribute, gradient_x_attention
from attattr.batching import TokenBudget
from attattr.examples import Batch, Example, model_inputs
from attattr.importance import output_norm, taylor_importance
from pipeline.launch.steps import step
from pipeline.predicting.masked import masked_logits
from pipeline.predicting.predict import batches

TAYLOR = ("taylor", "taylor_michel", "taylor_authors")


def per_example(
    model: PreTrainedModel,
    examples: Sequence[Example],
    measure: Callable[[PreTrainedModel, Batch], Tensor],
    *,
    token_budget: TokenBudget,
) -> Tensor:
    """`measure` of every example, in their order, `(example, ...)` on the CPU; its first axis is the batch."""
    found: dict[str, Tensor] = {}
    for group, batch in batches(model, examples, token_budget=token_budget, description="score heads"):
        values = step(lambda batch=batch: measure(model, batch).float().cpu(), "score heads", batch.example_ids)
        found |= {example.example_id: value for example, value in zip(group, values, strict=True)}
    return torch.stack([found[example.example_id] for example in examples])


def mean_over(
    model: PreTrainedModel,
    examples: Sequence[Example],
    measure: Callable[[PreTrainedModel, Batch], Tensor],
    *,
    token_budget: TokenBudget,
) -> Tensor:
    """Mean of `measure` over the examples; its first axis is the batch."""
    return per_example(model, examples, measure, token_budget=token_budget).double().mean(dim=0).float()


def taylor(model: PreTrainedModel, batch: Batch) -> Tensor:
    """The three readings of `TAYLOR`, `(batch, reading, layer, head)`."""
    readings = taylor_importance(model, **model_inputs(model, batch).arguments(), labels=batch.labels)
    return torch.stack([getattr(readings, name) for name in TAYLOR], dim=1)


def output_norms(model: PreTrainedModel, batch: Batch) -> Tensor:
    """`output_norm` of the batch, `(batch, layer, head)`."""
    return output_norm(model, **model_inputs(model, batch).arguments())


def largest_scores(model: PreTrainedModel, batch: Batch, **integral: Any) -> Tensor:
    """Largest attribution score of every head, `(batch, layer, head)`; `integral` goes to `attribute`."""
    given = model_inputs(model, batch).arguments()
    return attribute(model, **given, target=batch.labels, **integral).head_scores("max")


def largest_gradients(model: PreTrainedModel, batch: Batch) -> Tensor:
    """As `largest_scores`, the integral replaced by its integrand at alpha = 1."""
    given = model_inputs(model, batch).arguments()
    return gradient_x_attention(model, **given, target=batch.labels, output="probability").head_scores("max")


def removal_logits(model: PreTrainedModel, examples: Sequence[Example], *, token_budget: TokenBudget) -> Tensor:
    """Logits with all heads, then without each one, layer by layer: `(1 + layer * head, example, classes)`."""
    layers, heads = layer_count(model), head_count(model)
    without = (1 - torch.eye(layers * heads)).view(-1, layers, heads)
    masks = torch.cat([torch.ones(1, layers, heads), without])
    return masked_logits(model, examples, masks, token_budget=token_budget)


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy in float64, `(mask, example)`, of logits `(mask, example, classes)` and labels `(example,)`."""
    return torch.stack([cross_entropy(row.double(), labels, reduction="none") for row in logits])
