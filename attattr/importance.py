"""Head importance (docs/method.md, "Head importance"): one number per layer and head, from a sample of examples."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from attattr.attention import eager_attention, intercepted_attention
from attattr.copies import frozen
from attattr.errors import AttributionError
from attattr.families import describe
from attattr.inputs import checked_inputs, labelled_inputs
from attattr.prefix import logits_of, prefix_pass

Pooling = Literal["max", "confidence"]
Normalise = Literal["none", "layer_l2"]


@dataclass(frozen=True)
class TaylorImportance:
    """First-order importance of every head for each example, `(batch, layer, head)`, in three readings."""

    taylor: Tensor  # |sum over edges of A * dloss/dA|, gold loss: the paper's formula
    taylor_michel: Tensor  # the absolute value per token, then summed, gold loss: Michel et al. 2019
    taylor_authors: Tensor  # as Michel's, but of the sum of all logits: the paper's released code


# A caller's inference mode would forbid every gradient, and the use of its tensors in a graph.
@torch.inference_mode(False)
def taylor_importance(
    model: PreTrainedModel,
    *,
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None = None,
    labels: Tensor,
) -> TaylorImportance:
    """One forward and two backward passes; inputs `(batch, n)`, right-padded, `labels` `(batch,)`.

    The sum over a head's edges of A * dF/dA equals the sum over tokens of context * dF/dcontext, so that no
    n x n gradient is needed. `taylor_authors` is not yet divided by its layer's norm: see `normalise`.
    Raises AttributionError as `attribute` does, for the same models and inputs, and for labels that are no classes.
    """
    inputs, gold = labelled_inputs(
        model, input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids, labels=labels
    )
    contexts: list[Tensor] = []

    def record(
        _layer: int, _module: object, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float
    ) -> Tensor:
        context = eager_attention(query, key, value, mask, scaling)[0].transpose(1, 2)
        # Leaves of a graph of their own: the parameters are frozen, and the gradient is taken at the context.
        context = context if context.requires_grad else context.requires_grad_()
        contexts.append(context)
        return context

    real = inputs.attention_mask[:, :, None].bool()
    own = intercepted_attention(frozen(model), record, implementation="eager")
    with torch.enable_grad():
        logits = logits_of(own, inputs)
        loss = cross_entropy(logits, gold, reduction="sum")
        of_loss = torch.autograd.grad(loss, contexts, retain_graph=True)
        of_logits = torch.autograd.grad(logits.sum(), contexts)

    def per_token(gradients: tuple[Tensor, ...]) -> Tensor:
        products = [(c * g).sum(dim=-1).masked_fill(~real, 0) for c, g in zip(contexts, gradients, strict=True)]
        return torch.stack(products, dim=1).detach()  # (batch, layer, token, head)

    loss_terms, logit_terms = per_token(of_loss), per_token(of_logits)
    return TaylorImportance(
        taylor=loss_terms.sum(dim=2).abs(),
        taylor_michel=loss_terms.abs().sum(dim=2),
        taylor_authors=logit_terms.abs().sum(dim=2),
    )


@torch.no_grad()
def output_norm(
    model: PreTrainedModel, *, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
) -> Tensor:
    """How long the vector is that a head adds to a token, ||A V W_O||, `(batch, layer, head)`: mean over real queries.

    One forward pass; inputs as for `taylor_importance`. Raises AttributionError as `attribute` does, for the same
    models and inputs.
    """
    inputs = checked_inputs(
        model, input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
    ).trimmed()
    own = frozen(model)
    norms = []
    for layer, context in zip(describe(own).layers, prefix_pass(own, inputs).context, strict=True):
        # Of W = QR, with orthonormal columns of Q, ||W c|| = ||R c||: as wide as a head, not as the model.
        triangle = torch.linalg.qr(layer.output_weight.unflatten(1, (layer.heads, -1)).transpose(0, 1)).R
        norms.append(torch.einsum("hed,bhnd->bhne", triangle, layer.split_heads(context)).norm(dim=-1))
    real = inputs.attention_mask[:, None, None]
    return (torch.stack(norms, dim=1) * real).sum(dim=-1) / real.sum(dim=-1)


def pooled_attention(attention_probs: Tensor, lengths: Tensor, *, pooling: Pooling) -> Tensor:
    """Attention of each head as one number: `(batch, layer, head, query, key)` to `(batch, layer, head)`.

    The mean over all entries is 1/n for every head, so it cannot rank heads: `max` takes the largest probability,
    `confidence` the mean over real queries of the row maximum (Voita et al. 2019). `lengths` `(batch,)` counts the
    real queries; the rows behind them must be zero. Raises AttributionError for tensors that are not so.
    """
    shape = tuple(attention_probs.shape)
    if len(shape) != 5:
        raise AttributionError(f"attention_probs has shape {shape}: it must be (batch, layer, head, query, key)")
    if lengths.shape != shape[:1] or bool(((lengths < 1) | (lengths > shape[3])).any()):
        raise AttributionError(f"lengths are {lengths.tolist()}: they must be {shape[0]} numbers from 1 to {shape[3]}")
    rows = attention_probs.amax(dim=-1)
    match pooling:
        case "max":
            return rows.amax(dim=-1)
        case "confidence":
            return rows.sum(dim=-1) / lengths.to(rows)[:, None, None]
        case _:
            raise AttributionError(f"pooling is {pooling!r}: it must be max or confidence")


def passed_on(edges: Tensor) -> Tensor:
    """The positive scores of the edges that read each token, `(layer, head, query, key)` to `(layer, head, key)`.

    Summed over layers and heads, what the token contributes (docs/method.md, "Shortcut").
    """
    return edges.clamp(min=0).sum(dim=2)


def normalise(importance: Tensor, *, how: Normalise) -> Tensor:
    """Importance `(layer, head)` as it is, or with each layer's row divided by its L2 norm (a zero row stays zero)."""
    match how:
        case "none":
            return importance
        case "layer_l2":
            norm = importance.norm(dim=-1, keepdim=True)
            return importance / torch.where(norm > 0, norm, torch.ones_like(norm))
        case _:
            raise AttributionError(f"normalise is {how!r}: it must be none or layer_l2")
