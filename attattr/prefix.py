"""The prefix pass: one forward pass that records what every path integral of an example needs."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attattr.attention import eager_attention, intercepted_attention, per_head
from attattr.copies import own_copy
from attattr.encoder import Encoder
from attattr.errors import AttributionError
from attattr.families import layer_modules
from attattr.inputs import Inputs


@dataclass(frozen=True)
class Prefix:
    """What one forward pass leaves behind. Lists have one entry per layer."""

    inputs: Inputs
    hidden: list[Tensor]  # input of the layer, (batch, n, hidden)
    attention_probs: list[Tensor]  # (batch, head, query, key); rows of padded queries are zero
    value: list[Tensor]  # (batch, head, key, width)
    context: list[Tensor]  # (batch, query, head * width); with a graph from each to the logits, if it was asked for
    logits: Tensor  # (batch, classes)

    def detached(self) -> "Prefix":
        """The same without its graph, which holds every activation of the pass."""
        return replace(self, context=[context.detach() for context in self.context], logits=self.logits.detach())


def logits_of(model: PreTrainedModel, inputs: Inputs) -> Tensor:
    """Logits `(batch, classes)` of the model's own forward pass, also where its config asks for tuples."""
    return model(**inputs.arguments(), return_dict=True).logits


def _record_inputs(copy: PreTrainedModel) -> list[Tensor]:
    """A list that is filled with what enters each layer, `(batch, n, hidden)`, when the copy of a model runs."""
    states: list[Tensor] = []

    # `output_hidden_states` would leave transformers' own hooks on the model, and gives nothing in a process that
    # received the model pickled.
    def keep_input(_module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        states.append((args[0] if args else kwargs["hidden_states"]).detach())

    for module in dict.fromkeys(layer_modules(copy)):
        module.register_forward_pre_hook(keep_input, with_kwargs=True)
    return states


def entering(model: PreTrainedModel, inputs: Inputs) -> tuple[Tensor, Tensor]:
    """What enters the first layer, `(batch, n, hidden)`, and the logits of the model's own forward pass."""
    copy = own_copy(model)
    states = _record_inputs(copy)
    logits = logits_of(copy, inputs)
    return states[0], logits


def prefix_pass(model: PreTrainedModel, inputs: Inputs) -> Prefix:
    """Run the model's own forward pass and keep its hidden states, attention, values and contexts.

    Of a frozen model, where gradients are enabled, `logits` and every `context` are parts of one graph; all else is
    detached.
    """
    probs: list[Tensor] = []
    values: list[Tensor] = []
    contexts: list[Tensor] = []
    real_query = inputs.attention_mask.to(torch.bool)[:, None, :, None]

    def record(
        layer: int, module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float
    ) -> Tensor:
        context, attention_probs = eager_attention(query, key, value, mask, scaling)
        context = context.transpose(1, 2).flatten(2)
        if torch.is_grad_enabled() and not context.requires_grad:
            # Of a frozen model: the first context is where the graph begins.
            context.requires_grad_()
        probs.append(attention_probs.detach() * real_query)
        values.append(per_head(value.detach(), query.shape[1]))
        contexts.append(context)
        return context.unflatten(2, (query.shape[1], -1))

    copy = intercepted_attention(model, record, implementation="eager")
    states = _record_inputs(copy)
    logits = logits_of(copy, inputs)
    return Prefix(inputs, states, probs, values, contexts, logits)


def agree(logits: Tensor, expected: Tensor) -> bool:
    """Whether the engine's logits are the model's, up to rounding; nothing can be said of a model's that are nan."""
    return torch.allclose(logits, expected, atol=1e-3, rtol=1e-3) or not bool(expected.isfinite().all())


@torch.no_grad()
def check_readout(encoder: Encoder, prefix: Prefix) -> None:
    """Raise AttributionError unless the engine's own forward pass gives the model's logits for the longest example.

    The engine rebuilds the layers from their weights and reads the first token only. A model that pools
    otherwise, or that carries hooks or adapters, would be attributed wrongly, so it is refused.
    """
    row = int(prefix.inputs.lengths.argmax())
    n = int(prefix.inputs.lengths[row])
    logits = encoder.forward_from(0, prefix.hidden[0][row : row + 1, :n], key_mask=None)
    expected = prefix.logits[row : row + 1].detach()
    if not agree(logits, expected):
        raise AttributionError(
            f"the model's logits {expected[0].tolist()} are not what its layers give, {logits[0].tolist()}: it pools "
            "more than the first token, or carries hooks or adapters; merge or remove them"
        )
