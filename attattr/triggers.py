"""The gradient by which HotFlip looks for triggers (docs/method.md, "Triggers")."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from transformers import PreTrainedModel

from attattr.copies import frozen
from attattr.inputs import labelled_inputs
from attattr.prefix import logits_of


# A caller's inference mode would forbid every gradient.
@torch.inference_mode(False)
def embedding_gradient(
    model: PreTrainedModel,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None = None,
    labels: Tensor,
) -> Tensor:
    """Gradient of the summed gold loss with respect to every token's word embedding, `(batch, n, width)`.

    Inputs are `(batch, n)`, right-padded, `labels` `(batch,)`. A HotFlip step (Ebrahimi et al., 2018) replaces a token
    by the one whose embedding has the largest product with this gradient. Raises AttributionError as `attribute` does,
    for the same models and inputs, and for labels that are no classes.
    """
    inputs, gold = labelled_inputs(
        model, input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids, labels=labels
    )
    embeddings: list[Tensor] = []

    def make_leaf(_module: object, _args: object, output: Tensor) -> Tensor:
        embeddings.append(output.detach().requires_grad_())
        return embeddings[-1]

    own = frozen(model)
    own.get_input_embeddings().register_forward_hook(make_leaf)
    with torch.enable_grad():
        loss = cross_entropy(logits_of(own, inputs), gold, reduction="sum")
        gradient = torch.autograd.grad(loss, embeddings)[0]
    return pad(gradient, (0, 0, 0, input_ids.shape[1] - gradient.shape[1]))
