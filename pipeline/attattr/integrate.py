"""The path integrals over one group of examples (docs/method.md, "Exact identities")."""

import torch
from torch import Tensor

from pipeline.attattr.encoder import Encoder
from pipeline.attattr.output import Output, evaluate
from pipeline.attattr.prefix import Prefix


def _copies(key_mask: Tensor | None, steps: int) -> Tensor | None:
    return None if key_mask is None else key_mask.repeat(steps, 1, 1, 1)


def _rows(encoder: Encoder, layer: int) -> slice:
    # The readout sees the first token only, so in the last layer no other query row has an effect.
    return slice(0, 1) if layer == len(encoder.layers) - 1 else slice(None)


def _finish_from(encoder: Encoder, prefix: Prefix, layer: int, projected: Tensor) -> Tensor:
    """Logits `(steps * batch, classes)` from the projected context `(steps, batch, rows, hidden)` of `layer`."""
    steps, key_mask = projected.shape[0], prefix.inputs.key_mask()
    hidden = encoder.layers[layer].finish(projected, prefix.hidden[layer][:, _rows(encoder, layer)]).flatten(0, 1)
    if layer == len(encoder.layers) - 1:
        return encoder.readout(hidden)
    return encoder.forward_from(layer + 1, hidden, key_mask=_copies(key_mask, steps))


def integrate_layer(
    encoder: Encoder, prefix: Prefix, target: Tensor, *, nodes: Tensor, weights: Tensor, output: Output, chunk: int
) -> Tensor:
    """Attribution `(batch, layer, head, query, key)`, each layer scaled on its own, `chunk` steps at a time.

    Scaling the attention of a layer scales its projected context, so a step starts there and needs neither query,
    key, value nor an n x n product; the gradients of all steps are summed before the one product with the values.
    """
    maps = []
    for layer, part in enumerate(encoder.layers):
        rows = _rows(encoder, layer)
        projected = part.project(prefix.context[layer][:, rows])
        total = torch.zeros_like(projected)
        for alpha, weight in zip(nodes.split(chunk), weights.split(chunk), strict=True):
            scaled = (alpha.to(projected)[:, None, None, None] * projected).requires_grad_()
            with torch.enable_grad():
                logits = _finish_from(encoder, prefix, layer, scaled)
                f = evaluate(logits, target.repeat(len(alpha)), output=output).sum()
            (gradient,) = torch.autograd.grad(f, scaled)
            total += torch.einsum("s,sbnh->bnh", weight.to(gradient), gradient)
        gradient = part.split_heads(total @ part.output_weight) @ prefix.value[layer].transpose(-1, -2)
        attribution = torch.zeros_like(prefix.attention_probs[layer])
        attribution[:, :, rows] = prefix.attention_probs[layer][:, :, rows] * gradient
        maps.append(attribution)
    return torch.stack(maps, dim=1)


@torch.no_grad()
def layer_baseline(encoder: Encoder, prefix: Prefix, target: Tensor, *, output: Output) -> Tensor:
    """F with the attention of one layer at zero, `(batch, layer)`."""
    values = []
    for layer in range(len(encoder.layers)):
        hidden = prefix.hidden[layer][:, _rows(encoder, layer)]
        logits = _finish_from(encoder, prefix, layer, torch.zeros_like(hidden)[None])
        values.append(evaluate(logits, target, output=output))
    return torch.stack(values, dim=1)


def _joint_logits(encoder: Encoder, hidden: Tensor, attention_probs: list[Tensor]) -> Tensor:
    """Logits with every layer's attention given: `attention_probs` is `(batch, head, rows, key)` per layer."""
    for layer, (part, probs) in enumerate(zip(encoder.layers, attention_probs, strict=True)):
        context = (probs @ part.value(hidden)).transpose(1, 2).flatten(2)
        hidden = part.finish(part.project(context), hidden[:, _rows(encoder, layer)])
    return encoder.readout(hidden)


def integrate_joint(
    encoder: Encoder, prefix: Prefix, target: Tensor, *, nodes: Tensor, weights: Tensor, output: Output, chunk: int
) -> Tensor:
    """Attribution `(batch, layer, head, query, key)` with all layers' attention frozen and scaled together."""
    probs = [p[:, :, _rows(encoder, layer)] for layer, p in enumerate(prefix.attention_probs)]
    totals = [torch.zeros_like(p) for p in probs]
    for alpha, weight in zip(nodes.split(chunk), weights.split(chunk), strict=True):
        steps = len(alpha)
        scale = alpha.to(probs[0])[:, None, None, None, None]
        scaled = [(scale * p).flatten(0, 1).requires_grad_() for p in probs]
        with torch.enable_grad():
            logits = _joint_logits(encoder, prefix.hidden[0].repeat(steps, 1, 1), scaled)
            f = evaluate(logits, target.repeat(steps), output=output).sum()
        for total, gradient in zip(totals, torch.autograd.grad(f, scaled), strict=True):
            total += torch.einsum("s,sbhij->bhij", weight.to(gradient), gradient.unflatten(0, (steps, -1)))
    maps = []
    for layer, (p, total) in enumerate(zip(probs, totals, strict=True)):
        attribution = torch.zeros_like(prefix.attention_probs[layer])
        attribution[:, :, _rows(encoder, layer)] = p * total
        maps.append(attribution)
    return torch.stack(maps, dim=1)


@torch.no_grad()
def joint_baseline(encoder: Encoder, prefix: Prefix, target: Tensor, *, output: Output) -> Tensor:
    """F with the attention of every layer at zero, `(batch, 1)`."""
    zeros = [torch.zeros_like(p)[:, :, _rows(encoder, layer)] for layer, p in enumerate(prefix.attention_probs)]
    return evaluate(_joint_logits(encoder, prefix.hidden[0], zeros), target, output=output)[:, None]
