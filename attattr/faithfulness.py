"""Live edge masking (docs/method.md, "Attribution trees"): the attention times a mask, without renormalisation."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attattr.attention import eager_attention, intercepted_attention, layer_count
from attattr.branching import Masks, masked_passes, under_edge_masks
from attattr.checks import check_tensor
from attattr.copies import frozen
from attattr.errors import AttributionError
from attattr.families import describe
from attattr.inputs import Inputs
from attattr.prefix import entering


def masked_edges(model: PreTrainedModel, edge_mask: Tensor) -> PreTrainedModel:
    """The model with the attention of every head multiplied by `edge_mask` (1 = keep).

    As `masked_heads`, an own copy of `model`, which stays as it is. `edge_mask` is `(batch, layer, query, key)`,
    boolean. Rows are not renormalised: a removed edge passes nothing on. Raises AttributionError from the forward pass
    for a mask that does not fit the batch.
    """
    check_tensor("edge_mask", edge_mask, shape="(batch, layer, query, key)")

    def handler(
        layer: int, _module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float
    ) -> Tensor:
        expected = (len(query), layer_count(model), query.shape[2], key.shape[2])
        if tuple(edge_mask.shape) != expected:
            raise AttributionError(
                f"edge_mask has shape {tuple(edge_mask.shape)}: it must be (batch, layer, query, key) = {expected}"
            )
        _, attention_probs = eager_attention(query, key, value, mask, scaling)
        kept = attention_probs * edge_mask[:, layer, None].to(attention_probs)
        return (kept @ value).transpose(1, 2)

    return intercepted_attention(model, handler, implementation="eager")


@torch.no_grad()
def edge_masked_logits(model: PreTrainedModel, inputs: Inputs, masks: Tensor, *, token_budget: int) -> Tensor:
    """Logits `(mask, classes)`, float64 on the CPU, of the one example of `inputs` under each of the masks.

    `masks` is `(mask, layer, query, key)`, boolean, as that of `masked_edges`; what masks have in common is run once.
    """
    model = frozen(model)
    hidden, _ = entering(model, inputs)
    masked = masked_passes(
        describe(model),
        hidden,
        torch.zeros(len(masks), dtype=torch.long),
        Masks.of(masks.to(model.device)),
        key_mask=None,
        attend=under_edge_masks,
        token_budget=token_budget,
    )
    return masked.double().cpu()
