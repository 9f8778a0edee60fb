"""Other maps of edges than attribution's, from which trees of the same size are grown."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attribution import attribute, gradient_x_attention
from attattr.copies import frozen
from attattr.encoder import EncoderLayer
from attattr.families import describe
from attattr.knockouts import reads
from attattr.prefix import Prefix, prefix_pass
from pipeline.predicting.examples import Batch
from pipeline.predicting.predict import model_inputs

ATTRIBUTION = "attribution"
RIVALS = ("attention", "gradient_x_attention", "value_weighted", "contribution", "joint")


def rival_maps(model: PreTrainedModel, batch: Batch) -> dict[str, Tensor]:
    """Maps `(layer, query, key)` of the one example of `batch`, over all heads together: `RIVALS`."""
    inputs = model_inputs(model, batch)
    gradient = gradient_x_attention(model, **inputs.arguments(), target="predicted", output="probability")
    joint = attribute(model, **inputs.arguments(), target="predicted", path="joint")
    model = frozen(model)
    with torch.no_grad():
        prefix = prefix_pass(model, inputs)
        maps = (
            gradient.attention_probs[0].sum(dim=1),
            gradient.attribution[0].sum(dim=1),
            value_weighted(prefix).sum(dim=1),
            contributions(prefix, describe(model).layers),
            joint.attribution[0].sum(dim=1),
        )
    return {name: values.double().cpu() for name, values in zip(RIVALS, maps, strict=True)}


def value_weighted(prefix: Prefix) -> Tensor:
    """Attention times the norm of the value that is read, `(layer, head, query, key)`, of the batch's first example."""
    weighted = [
        probs[0] * value[0].norm(dim=-1)[:, None, :]
        for probs, value in zip(prefix.attention_probs, prefix.value, strict=True)
    ]
    return torch.stack(weighted)


def contributions(prefix: Prefix, layers: tuple[EncoderLayer, ...]) -> Tensor:
    """Share of every token in what each token's attention block gives: ALTI, before the norm that may follow.

    With T_i(j) what token i takes from token j through all heads, and its own residual where j is i, and y_i the sum
    and the bias: max(0, |y_i|_1 - |y_i - T_i(j)|_1), divided by its sum over j (Ferrando et al. 2022). Of the batch's
    first example.
    """
    shares = []
    for layer, x, probs, value in zip(layers, prefix.hidden, prefix.attention_probs, prefix.value, strict=True):
        (read,) = reads(layer, probs[0], value[0], per_head=False)
        read.diagonal().add_(x[0].T)
        total = read.sum(dim=1) if layer.output_bias is None else read.sum(dim=1) + layer.output_bias
        near = (total.abs().sum(dim=-1)[:, None] - (total[:, None] - read).abs().sum(dim=-1)).clamp(min=0)
        sums = near.sum(dim=1, keepdim=True)
        shares.append(near / torch.where(sums > 0, sums, torch.ones_like(sums)))
    return torch.stack(shares)
