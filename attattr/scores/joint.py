"""Joint-path attribution (docs/method.md, "Attribution"): of the attention of all layers, scaled together."""

from typing import Any

from torch import Tensor
from transformers import PreTrainedModel

from attattr.attribution import attribute
from attattr.inputs import Inputs


def score(model: PreTrainedModel, inputs: Inputs, **explained: Any) -> Tensor:
    """`attribute` on the joint path, steps as many as it takes, `(batch, layer, head, query, key)`."""
    return attribute(model, **inputs.arguments(), **explained, path="joint").attribution
