"""What the engine is measured against: attribution as the paper's released code computes it, and through Captum."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attention import layer_count
from attattr.copies import frozen

PADDED = 128  # tokens: the released code pads every input to its maximum length


def padded(input_ids: Tensor, token_type_ids: Tensor) -> dict[str, Tensor]:
    """One example `(1, n)` as the released code feeds it, `(1, 128)`."""
    missing = (0, PADDED - input_ids.shape[1])
    pad = torch.nn.functional.pad
    return {
        "input_ids": pad(input_ids, missing),
        "attention_mask": pad(torch.ones_like(input_ids), missing),
        "token_type_ids": pad(token_type_ids, missing),
    }


class Layers:
    """A BERT classifier cut at one layer, with eager attention on every padded position, as in the released code."""

    def __init__(self, model: PreTrainedModel, inputs: dict[str, Tensor]) -> None:
        self.model, self.layers = model, model.bert.encoder.layer
        self.embedded = model.bert.embeddings(inputs["input_ids"], inputs["token_type_ids"])
        self.mask = (1.0 - inputs["attention_mask"][:, None, None, :].to(self.embedded)) * -10000.0

    def attention_probs(self, layer: int, hidden: Tensor) -> Tensor:
        """Softmax attention `(batch, head, query, key)`."""
        part = self.layers[layer].attention.self
        query, key = self._heads(part.query(hidden)), self._heads(part.key(hidden))
        return (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + self.mask).softmax(dim=-1)

    def run(self, layer: int, hidden: Tensor, probs: Tensor) -> Tensor:
        """The layer's output, its attention given."""
        part = self.layers[layer]
        context = probs @ self._heads(part.attention.self.value(hidden))
        attended = part.attention.output(context.transpose(1, 2).flatten(2), hidden)
        return part.output(part.intermediate(attended), attended)

    def below(self, layer: int) -> Tensor:
        """The hidden states that enter `layer`, at batch one."""
        hidden = self.embedded
        for index in range(layer):
            hidden = self.run(index, hidden, self.attention_probs(index, hidden))
        return hidden

    def logits(self, layer: int, hidden: Tensor, probs: Tensor) -> Tensor:
        """The classifier's output with the attention of `layer` given and that above it recomputed."""
        hidden = self.run(layer, hidden, probs)
        for index in range(layer + 1, len(self.layers)):
            hidden = self.run(index, hidden, self.attention_probs(index, hidden))
        return self.model.classifier(self.model.bert.pooler(hidden))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.model.config.num_attention_heads, -1)).transpose(1, 2)


@torch.no_grad()
def _prepare(
    model: PreTrainedModel, input_ids: Tensor, token_type_ids: Tensor, layer: int
) -> tuple[Layers, Tensor, Tensor]:
    """The model cut at `layer`, the hidden states that enter it at batch one, and its attention."""
    parts = Layers(model, padded(input_ids, token_type_ids))
    hidden = parts.below(layer)
    return parts, hidden, parts.attention_probs(layer, hidden)


def naive(model: PreTrainedModel, input_ids: Tensor, token_type_ids: Tensor, target: Tensor, *, steps: int) -> Tensor:
    """Attribution `(layer, head, n, n)` of one example by the left rule: every layer on `steps` padded copies."""
    n, maps = input_ids.shape[1], []
    model = frozen(model)
    for layer in range(layer_count(model)):
        parts, hidden, probs = _prepare(model, input_ids, token_type_ids, layer)
        alphas = torch.arange(steps, device=probs.device, dtype=probs.dtype) / steps
        scaled = (alphas[:, None, None, None] * probs).requires_grad_()
        logits = parts.logits(layer, hidden.expand(steps, -1, -1), scaled)
        f = logits.softmax(dim=-1)[:, int(target)].sum()
        (gradient,) = torch.autograd.grad(f, scaled)
        maps.append((probs[0] * gradient.mean(dim=0))[:, :n, :n])
    return torch.stack(maps)


def through_captum(
    model: PreTrainedModel, input_ids: Tensor, token_type_ids: Tensor, target: Tensor, *, steps: int
) -> Tensor:
    """As `naive`, by Captum's integrated gradients with respect to each layer's attention (its `riemann_left`)."""
    from captum.attr import IntegratedGradients

    n, maps = input_ids.shape[1], []
    model = frozen(model)
    for layer in range(layer_count(model)):
        parts, hidden, probs = _prepare(model, input_ids, token_type_ids, layer)

        def probability(scaled: Tensor, layer: int = layer, parts: Layers = parts, x: Tensor = hidden) -> Tensor:
            return parts.logits(layer, x.expand(len(scaled), -1, -1), scaled).softmax(dim=-1)

        explain = IntegratedGradients(probability)
        scores = explain.attribute(probs, target=int(target), n_steps=steps, method="riemann_left")
        maps.append(scores[0, :, :n, :n])
    return torch.stack(maps).detach()
