"""Self-attention attribution (Hao et al. 2021; docs/method.md, "Attribution"): of each layer's attention in turn."""

from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from attattr.attribution import attribute
from attattr.inputs import Inputs


def score(model: PreTrainedModel, inputs: Inputs, **explained: Any) -> Tensor:
    """`attribute` on the paper's path, steps as many as it takes, `(batch, layer, head, query, key)`."""
    return attribute(model, **inputs.arguments(), **explained).attribution
