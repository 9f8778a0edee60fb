"""Value-weighted attention: the length of what a query takes from a key (docs/method.md, "Attribution trees")."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.inputs import Inputs
from attattr.prefix import frozen, prefix_pass


@torch.no_grad()
def score(model: PreTrainedModel, inputs: Inputs, **_explained: object) -> Tensor:
    """Attention times the norm of the value that is read, `(batch, layer, head, query, key)`."""
    with frozen(model):
        prefix = prefix_pass(model, inputs)
    weighted = [
        probs * value.norm(dim=-1)[:, :, None, :]
        for probs, value in zip(prefix.attention_probs, prefix.value, strict=True)
    ]
    return torch.stack(weighted, dim=1)
