"""Gradient times attention: what an edge's knock-out takes from the output, to first order."""

from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from attattr.attribution import gradient_x_attention
from attattr.inputs import Inputs


def score(model: PreTrainedModel, inputs: Inputs, **explained: Any) -> Tensor:
    """`gradient_x_attention` of the class, `(batch, layer, head, query, key)`."""
    return gradient_x_attention(model, **inputs.arguments(), **explained).attribution
