"""Attention patterns: a model whose queries may read some keys only, the same for every input of one length."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attattr.attention import layer_count
from attattr.errors import AttributionError
from attattr.families import PATTERN, layer_modules


def restrict_attention(model: PreTrainedModel, allowed: Tensor) -> None:
    """Let the queries of every layer read the allowed keys only, in training and from then on.

    `allowed` is `(layer, n, n)`, boolean, a row per query; inputs must have n tokens and no padding. Softmax runs over
    what is allowed, so every query needs a key.

    Raises:
        AttributionError: for a model whose attention is not BERT's (BERT, RoBERTa and ELECTRA have it), or a pattern of
            another shape, with a query that may read nothing.
    """
    if allowed.dtype != torch.bool or allowed.ndim != 3 or allowed.shape[1] != allowed.shape[2]:
        raise AttributionError(
            f"allowed is {tuple(allowed.shape)} of {allowed.dtype}: it must be (layer, n, n) of bool"
        )
    if len(allowed) != layer_count(model):
        raise AttributionError(f"allowed has {len(allowed)} layers, but the model {layer_count(model)}")
    if not bool(allowed.any(dim=2).all()):
        raise AttributionError("allowed leaves a query without any key: let it read itself")
    for layer, pattern in zip(layer_modules(model), allowed, strict=True):
        attention = getattr(getattr(layer, "attention", None), "self", None)
        if attention is None:
            raise AttributionError(
                f"{model.config.model_type} has no attention that can be restricted: use BERT's kind"
            )
        restricted = hasattr(attention, PATTERN)
        attention.register_buffer(PATTERN, pattern.to(model.device), persistent=False)
        if not restricted:
            attention.register_forward_pre_hook(_restrict, with_kwargs=True)


def _restrict(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
    """Take the forbidden keys out of the attention mask, whichever kind the model's kernel has."""
    hidden, mask, pattern = args[0], kwargs.get("attention_mask"), getattr(module, PATTERN)
    if hidden.shape[1] != len(pattern):
        raise AttributionError(f"the input has {hidden.shape[1]} tokens, but the attention pattern {len(pattern)}")
    if mask is None:
        mask = torch.zeros((), dtype=hidden.dtype, device=hidden.device)
    mask = mask & pattern if mask.dtype == torch.bool else mask.masked_fill(~pattern, torch.finfo(mask.dtype).min)
    return args, kwargs | {"attention_mask": mask if mask.ndim == 4 else mask[None, None]}
