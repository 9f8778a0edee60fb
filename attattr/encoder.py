"""What the engine needs of a model: one description of an encoder layer for every supported family."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

ALL_ROWS, FIRST_ROW = slice(None), slice(0, 1)


def _identity(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class EncoderLayer:
    """One layer as the engine sees it: `complete(x + output(context(norm(x))))`."""

    qkv_weight: Tensor  # (3 * hidden, hidden): the three projections as one product
    qkv_bias: Tensor | None
    output_weight: Tensor  # (hidden, head * width)
    output_bias: Tensor | None
    complete: Callable[[Tensor], Tensor]  # from the residual sum to the layer's output: norms and feed-forward part
    heads: int
    norm: Callable[[Tensor], Tensor] = _identity  # before the projections, in pre-norm families
    rotation: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None  # cosines and sines of x's positions, (n, width)
    window: int | None = None  # a query reads no key further away than this
    allowed: Tensor | None = None  # the keys that each query may read, (n, n), bool; None: all

    def split_heads(self, x: Tensor) -> Tensor:
        """`(batch, n, head * width)` to `(batch, head, n, width)`."""
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def _project(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Projections `start` to `stop` of query 0, key 1 and value 2."""
        third = self.qkv_weight.shape[0] // 3
        part = slice(start * third, stop * third)
        return functional.linear(x, self.qkv_weight[part], None if self.qkv_bias is None else self.qkv_bias[part])

    def restricted(self, heads: Tensor) -> "EncoderLayer":
        """The layer with only the heads where `heads`, boolean `(head,)`, is true: the others are in no product."""
        if bool(heads.all()):
            return self
        kept, hidden = heads.nonzero().flatten(), self.output_weight.shape[0]
        weight = self.qkv_weight.view(3, self.heads, -1, hidden)[:, kept].flatten(0, 2)
        bias = None if self.qkv_bias is None else self.qkv_bias.view(3, self.heads, -1)[:, kept].flatten()
        output = self.output_weight.view(hidden, self.heads, -1)[:, kept].flatten(1)
        return replace(self, qkv_weight=weight, qkv_bias=bias, output_weight=output, heads=len(kept))

    def value(self, x: Tensor) -> Tensor:
        """Value vectors `(batch, head, n, width)` of hidden states `(batch, n, hidden)`."""
        return self.split_heads(self._project(self.norm(x), 2, 3))

    def context(self, x: Tensor, *, key_mask: Tensor | None, rows: slice) -> Tensor:
        """Context `(batch, rows, head * width)` of the query positions `rows`, by fused attention."""
        if not self.heads:
            return x[:, rows, :0]
        if rows == FIRST_ROW and self.rotation is None and self.window is None and self.allowed is None:
            return self._first_context(self.norm(x), key_mask)
        query, key, value = self._query_key_value(x, rows)
        mask = self._mask(x.shape[1], key_mask, rows=rows, device=x.device)
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return context.transpose(1, 2).flatten(2)

    def attention(self, x: Tensor, *, key_mask: Tensor | None, rows: slice) -> tuple[Tensor, Tensor]:
        """Probabilities `(batch, head, rows, key)` of the query positions `rows`, and values."""
        query, key, value = self._query_key_value(x, rows)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        mask = self._mask(x.shape[1], key_mask, rows=rows, device=x.device)
        return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(dim=-1), value

    def _query_key_value(self, x: Tensor, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the positions `rows`, keys and values of all, `(batch, head, positions, width)`."""
        normed = self.norm(x)
        if rows == ALL_ROWS:
            query, key, value = self._project(normed, 0, 3).chunk(3, dim=-1)
        else:
            query = self._project(normed[:, rows], 0, 1)
            key, value = self._project(normed, 1, 3).chunk(2, dim=-1)
        query, key, value = self.split_heads(query), self.split_heads(key), self.split_heads(value)
        if self.rotation is not None:
            cos, sin = self.rotation(x)
            query, key = _rotate(query, cos[rows], sin[rows]), _rotate(key, cos, sin)
        return query, key, value

    def _first_context(self, normed: Tensor, key_mask: Tensor | None) -> Tensor:
        """The first row of `context`, by one folded query and one pooled value per head instead of n keys and values.

        A score is q W_K x_j and the context W_V sum_j A_j x_j. The key's bias adds the same to every score, which
        softmax does not see; the value's bias is added once, as the probabilities sum to one.
        """
        query = self.split_heads(self._project(normed[:, :1], 0, 1)).squeeze(2)  # (batch, head, width)
        _, key_weight, value_weight = self.qkv_weight.unflatten(0, (3, self.heads, -1))  # (head, width, hidden)
        folded = torch.einsum("bhd,hde->bhe", query, key_weight) * query.shape[-1] ** -0.5
        scores = folded @ normed.transpose(1, 2)
        if key_mask is not None:
            scores = scores.masked_fill(~key_mask[:, 0], -torch.inf)
        pooled = scores.softmax(dim=-1, dtype=normed.dtype) @ normed  # (batch, head, hidden)
        context = torch.einsum("bhe,hde->bhd", pooled, value_weight).flatten(1)
        bias = None if self.qkv_bias is None else self.qkv_bias.chunk(3)[2]
        return (context if bias is None else context + bias)[:, None]

    def _mask(self, n: int, key_mask: Tensor | None, *, rows: slice, device: torch.device) -> Tensor | None:
        # Boolean: a floating mask of another type than the query's is silently wrong on the CPU.
        if self.allowed is not None:
            return self.allowed[rows] if key_mask is None else self.allowed[rows] & key_mask
        if self.window is None or n <= self.window + 1:
            return key_mask
        position = torch.arange(n, device=device)
        distance = (position[rows, None] - position).abs()
        near = distance <= self.window
        # A padded query may have no key nearby: it reads itself, as the softmax of nothing is not a number.
        return near if key_mask is None else (near & key_mask) | (distance == 0)

    def project(self, context: Tensor) -> Tensor:
        """The output projection without its bias, so that scaling the context scales the result."""
        return functional.linear(context, self.output_weight)

    def finish(self, projected: Tensor, x: Tensor) -> Tensor:
        """The layer's output, from the projected context and the layer's input."""
        total = projected + x
        return self.complete(total if self.output_bias is None else total + self.output_bias)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of `(batch, head, n, width)`, in float32 at least, as the models do it."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    first, second = wide.chunk(2, dim=-1)
    return (wide * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


@dataclass(frozen=True)
class Encoder:
    """The layers of a sequence classifier, and the readout from the first token's last hidden state to the logits."""

    layers: tuple[EncoderLayer, ...]
    readout: Callable[[Tensor], Tensor]  # (batch, 1, hidden) -> (batch, classes)

    def rows(self, layer: int) -> slice:
        """The query rows of `layer` that have an effect: the readout sees the first token only."""
        return FIRST_ROW if layer == len(self.layers) - 1 else ALL_ROWS

    def forward_from(self, layer: int, hidden: Tensor, *, key_mask: Tensor | None) -> Tensor:
        """Logits `(batch, classes)` of hidden states `(batch, n, hidden)` that enter `layer`.

        The last layer computes the first row only: the readout sees nothing else.
        """
        for index, part in enumerate(self.layers[layer:], start=layer):
            rows = self.rows(index)
            context = part.context(hidden, key_mask=key_mask, rows=rows)
            hidden = part.finish(part.project(context), hidden[:, rows])
        return self.readout(hidden)
