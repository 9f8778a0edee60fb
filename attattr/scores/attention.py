"""Attention: with what weight a query reads a key."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.inputs import Inputs
from attattr.prefix import frozen, prefix_pass


@torch.no_grad()
def score(model: PreTrainedModel, inputs: Inputs, **_explained: object) -> Tensor:
    """The model's attention probabilities, `(batch, layer, head, query, key)`."""
    with frozen(model):
        return torch.stack(prefix_pass(model, inputs).attention_probs, dim=1)
