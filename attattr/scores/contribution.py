"""Contributions, ALTI's (Ferrando et al. 2022; docs/method.md, "Attribution trees"): shares of an attention block."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.encoder import EncoderLayer
from attattr.families import describe
from attattr.inputs import Inputs
from attattr.knockouts import reads
from attattr.prefix import frozen, prefix_pass


@torch.no_grad()
def score(model: PreTrainedModel, inputs: Inputs, **_explained: object) -> Tensor:
    """Share of every token in what each token's attention block gives, `(batch, layer, 1, query, key)`."""
    with frozen(model):
        prefix, layers = prefix_pass(model, inputs), describe(model).layers
        shares = [
            torch.stack([contributions(layer, *of_one) for of_one in zip(*states, strict=True)])
            for layer, *states in zip(layers, prefix.hidden, prefix.attention_probs, prefix.value, strict=True)
        ]
    real = inputs.attention_mask[:, None, None, :, None]  # a padded query has its residual
    return torch.stack(shares, dim=1)[:, :, None] * real


def contributions(layer: EncoderLayer, x: Tensor, probs: Tensor, value: Tensor) -> Tensor:
    """Of one example and layer, `(query, key)`, before the norm that may follow.

    With T_i(j) what token i takes from token j through all heads, and its own residual where j is i, and y_i the sum
    and the bias: max(0, |y_i|_1 - |y_i - T_i(j)|_1), divided by its sum over j. `x` is the layer's input `(n, hidden)`,
    `probs` are `(head, query, key)`, `value` is `(head, key, width)`.
    """
    (read,) = reads(layer, probs, value, per_head=False)
    read.diagonal().add_(x.T)
    total = read.sum(dim=1) if layer.output_bias is None else read.sum(dim=1) + layer.output_bias
    near = (total.abs().sum(dim=-1)[:, None] - (total[:, None] - read).abs().sum(dim=-1)).clamp(min=0)
    sums = near.sum(dim=1, keepdim=True)
    return near / torch.where(sums > 0, sums, torch.ones_like(sums))
