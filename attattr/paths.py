"""What attribution scales along a path: the attention of one layer, or of all (docs/method.md, "Exact identities")."""

from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from attattr.encoder import Encoder
from attattr.prefix import Prefix

PathName = Literal["layer", "joint"]
PATHS: tuple[str, ...] = get_args(PathName)


class AttentionPath(Protocol):
    """What is scaled: the attention of one layer, or of all."""

    end: bool  # whether `assemble` knows the gradient at alpha = 1, so that it need not be evaluated

    def logits(self, examples: Tensor, scaled: Tensor) -> Tensor:
        """`(examples, classes)`, with `scaled` as the path's variable. `examples` may name one several times."""
        ...

    def start(self, examples: Tensor) -> Tensor:
        """The path's variable at alpha = 1, `(examples, ...)`; it is linear in alpha."""
        ...

    def assemble(self, examples: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
        """Scores `(examples, ..., head, query, key)` from the weighted sum of gradients at `start`'s variable.

        `end_weight`, `(examples,)`, is the weight of alpha = 1, which `total` lacks where the path knows it (`end`).
        """
        ...


class LayerPath:
    """The attention of one layer is scaled, and the layers above are computed anew.

    Scaling the attention scales the projected context, which is the variable: a step needs neither query, key, value
    nor an n x n product here. The gradients of all steps are summed before the one product with the values.
    `end_gradient` is dF/dcontext of the unchanged model, `(batch, n, head * width)`.
    """

    def __init__(self, encoder: Encoder, prefix: Prefix, layer: int, end_gradient: Tensor | None) -> None:
        self.encoder, self.layer, self.part = encoder, layer, encoder.layers[layer]
        self.rows, self.key_mask = encoder.rows(layer), prefix.inputs.key_mask()
        self.residual = prefix.hidden[layer][:, self.rows]
        self.projected = self.part.project(prefix.context[layer][:, self.rows])
        self.probs, self.value = prefix.attention_probs[layer], prefix.value[layer]
        self.end_gradient = None if end_gradient is None else end_gradient[:, self.rows]
        self.end = end_gradient is not None

    def start(self, examples: Tensor) -> Tensor:
        """The projected context, `(examples, rows, hidden)`."""
        return self.projected[examples]

    def logits(self, examples: Tensor, scaled: Tensor) -> Tensor:
        """The layer is finished and those above run."""
        hidden = self.part.finish(scaled, self.residual[examples])
        if self.layer == len(self.encoder.layers) - 1:
            return self.encoder.readout(hidden)
        mask = None if self.key_mask is None else self.key_mask[examples]
        return self.encoder.forward_from(self.layer + 1, hidden, key_mask=mask)

    def assemble(self, examples: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
        """`(examples, head, query, key)`: the late product with the values."""
        gradient = total @ self.part.output_weight
        if self.end_gradient is not None:
            gradient = gradient + end_weight[:, None, None] * self.end_gradient[examples]
        probs = self.probs[examples]
        scores = torch.zeros_like(probs)
        scores[:, :, self.rows] = probs[:, :, self.rows] * (
            self.part.split_heads(gradient) @ self.value[examples].transpose(-1, -2)
        )
        return scores


class JointPath:
    """The attention of all layers is frozen and scaled together; it is the variable, flattened."""

    end = False

    def __init__(self, encoder: Encoder, prefix: Prefix) -> None:
        self.encoder, self.hidden, self.full = encoder, prefix.hidden[0], prefix.attention_probs
        self.probs = [p[:, :, encoder.rows(layer)] for layer, p in enumerate(self.full)]
        self.sizes = [p[0].numel() for p in self.probs]

    def start(self, examples: Tensor) -> Tensor:
        """`(examples, edges)`."""
        return torch.cat([p[examples].flatten(1) for p in self.probs], dim=1)

    def logits(self, examples: Tensor, scaled: Tensor) -> Tensor:
        """All layers with their attention given."""
        hidden = self.hidden[examples]
        for layer, part in enumerate(self.encoder.layers):
            probs = self._layer(scaled, layer)
            context = (probs @ part.value(hidden)).transpose(1, 2).flatten(2)
            hidden = part.finish(part.project(context), hidden[:, self.encoder.rows(layer)])
        return self.encoder.readout(hidden)

    def assemble(self, examples: Tensor, total: Tensor, end_weight: Tensor) -> Tensor:
        """`(examples, layer, head, query, key)`."""
        scores = torch.stack([torch.zeros_like(p[examples]) for p in self.full], dim=1)
        for layer, p in enumerate(self.probs):
            scores[:, layer, :, self.encoder.rows(layer)] = p[examples] * self._layer(total, layer)
        return scores

    def _layer(self, edges: Tensor, layer: int) -> Tensor:
        return edges.split(self.sizes, dim=1)[layer].unflatten(1, self.probs[layer].shape[1:])
