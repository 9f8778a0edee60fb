"""Heads taken out of a model's weights, so that what is left can be attributed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attattr.attention import head_count, layer_count
from attattr.errors import AttributionError, check_tensor
from attattr.families import describe


@contextmanager
@torch.no_grad()
def removed_heads(model: PreTrainedModel, head_mask: Tensor) -> Iterator[None]:
    """Zero a head's columns of its layer's output projection where `head_mask` `(layer, head)` is 0; restore them.

    The logits are those under `masked_heads`, and a removed head's scores are zero. But `masked_heads` is a hook into
    the model's attention, of which the engine knows nothing, while it reads the weights.

    Raises AttributionError for a mask of another shape or with values other than 0 and 1, and for a model whose
    weights cannot be changed so: one that applies a layer several times, or whose projections are parametrized.
    """
    shape = (layer_count(model), head_count(model))
    check_tensor("head_mask", head_mask, shape="(layer, head)")
    if tuple(head_mask.shape) != shape or bool(((head_mask != 0) & (head_mask != 1)).any()):
        raise AttributionError(f"head_mask must hold a 1 or a 0 for each of (layer, head) = {shape}")
    weights = [layer.output_weight for layer in describe(model).layers]
    if len({id(weight) for weight in weights}) < len(weights):
        raise AttributionError(f"{model.config.model_type} applies a layer several times: its heads cannot be removed")
    if not all(isinstance(weight, nn.Parameter) for weight in weights):
        raise AttributionError("an output projection is parametrized: remove its parametrization to remove heads")
    kept = [weight.clone() for weight in weights]
    try:
        for weight, row in zip(weights, head_mask, strict=True):
            weight.unflatten(1, (shape[1], -1)).mul_(row.to(weight)[:, None])
        yield
    finally:
        for weight, before in zip(weights, kept, strict=True):
            weight.copy_(before)
