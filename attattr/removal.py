"""Heads taken out of a model's weights, so that what is left can be attributed."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attattr.attention import check_kept_heads, head_count
from attattr.copies import own_copy, replace_weights
from attattr.errors import AttributionError
from attattr.families import describe


@torch.no_grad()
def removed_heads(model: PreTrainedModel, head_mask: Tensor) -> PreTrainedModel:
    """The model with zeros in a head's columns of its layer's output projection where `head_mask` `(layer, head)` is 0.

    An own copy of `model`, which stays as it is; all other weights are shared. The logits are those of `masked_heads`,
    and a removed head's scores are zero. But `masked_heads` changes the model's attention, of which the engine knows
    nothing, while it reads the weights.

    Raises AttributionError for a mask of another shape or with values other than 0 and 1, and for a model whose
    weights cannot be changed so: one that applies a layer several times, or whose projections are parametrized.
    """
    check_kept_heads(model, head_mask)
    weights = [layer.output_weight for layer in describe(model).layers]
    if len({id(weight) for weight in weights}) < len(weights):
        raise AttributionError(f"{model.config.model_type} applies a layer several times: its heads cannot be removed")
    if not all(isinstance(weight, nn.Parameter) for weight in weights):
        raise AttributionError("an output projection is parametrized: remove its parametrization to remove heads")
    rows = dict(zip(weights, head_mask, strict=True))

    def without_heads(weight: nn.Parameter) -> nn.Parameter:
        if weight not in rows:
            return weight
        kept = weight.unflatten(1, (head_count(model), -1)) * rows[weight].to(weight)[:, None]
        return nn.Parameter(kept.flatten(1), requires_grad=weight.requires_grad)

    copy = own_copy(model)
    replace_weights(copy, without_heads)
    return copy
