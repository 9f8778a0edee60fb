"""What the output loses when a single edge is knocked out, exactly (docs/method.md, "Knock-outs")."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.batching import TokenBudget, resolve_token_budget
from attattr.encoder import EncoderLayer
from attattr.families import check_family, describe
from attattr.inputs import Inputs
from attattr.output import Output, evaluate
from attattr.prefix import check_readout, frozen, prefix_pass


@torch.inference_mode(False)
@torch.no_grad()
def knock_outs(
    model: PreTrainedModel, inputs: Inputs, *, per_head: bool, token_budget: TokenBudget = "auto"
) -> tuple[Tensor, Tensor]:
    """Logits without each edge of one example, `(layer, head, query, key, classes)`, and of the whole model.

    An edge is a query that reads a key in one head; with `per_head` false in all heads of the layer at once, and the
    result has one head. Rows are not renormalised, layers above are computed anew: as under `masked_edges`. But only
    one row of the layer's output changes, so that a knock-out costs the layers above alone.

    `inputs` hold one example without padding. Raises AttributionError for a model that is not supported.
    """
    check_family(model)
    budget, n = resolve_token_budget(token_budget, model, n=inputs.input_ids.shape[1]), inputs.input_ids.shape[1]
    with frozen(model):
        encoder, prefix = describe(model), prefix_pass(model, inputs)
        check_readout(encoder, prefix)
        layers = []
        for layer, part in enumerate(encoder.layers):
            rows, residual = encoder.rows(layer), prefix.hidden[layer][0]
            read = reads(part, prefix.attention_probs[layer][0], prefix.value[layer][0], per_head=per_head)
            projected = part.project(prefix.context[layer])[0]
            found = prefix.logits[0].expand(*read.shape[:-1], -1).clone()  # (head, query, key, classes)
            changed = (projected[:, None] - read)[:, rows].flatten(0, 2)  # a knock-out each
            query = torch.arange(n, device=changed.device)[rows].repeat_interleave(n).repeat(len(read))
            below = part.finish(projected[None], residual[None])[0]
            logits = []
            for some, at in zip(changed.split(max(1, budget // n)), query.split(max(1, budget // n)), strict=True):
                row = part.finish(some[:, None], residual[at][:, None])[:, 0]
                if layer == len(encoder.layers) - 1:
                    logits.append(encoder.readout(row[:, None]))
                    continue
                hidden = below.repeat(len(some), 1, 1)
                hidden[torch.arange(len(some)), at] = row
                logits.append(encoder.forward_from(layer + 1, hidden, key_mask=None))
            found[:, rows] = torch.cat(logits).view(len(read), -1, n, found.shape[-1])
            layers.append(found)
    return torch.stack(layers), prefix.logits[0]


def lost(logits: Tensor, whole: Tensor, *, target: Tensor, output: Output) -> Tensor:
    """What the `output` of the class `target` loses: of `whole` `(classes,)` less of `logits` `(..., classes)`.

    Returns `(...)`, float64 on the CPU.
    """
    changed = logits.flatten(0, -2)
    losses = evaluate(whole[None], target[None], output=output) - evaluate(
        changed, target.expand(len(changed)), output=output
    )
    return losses.double().cpu().view(logits.shape[:-1])


def reads(part: EncoderLayer, probs: Tensor, value: Tensor, *, per_head: bool) -> Tensor:
    """What each query takes from each key, as the layer's output projection has it: `(head, query, key, hidden)`.

    `probs` are `(head, query, key)`, `value` `(head, key, width)`. With `per_head` false all heads are summed, in one.
    """
    output = part.output_weight.unflatten(1, (part.heads, -1))  # (hidden, head, width)
    if per_head:
        return torch.einsum("hqk,hkw,ehw->hqke", probs, value, output)
    return torch.einsum("hqk,hkw,ehw->qke", probs, value, output)[None]
