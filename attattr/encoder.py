"""What the engine needs of a model: one description of an encoder layer for every supported family."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from attattr.attention import per_head

ALL_ROWS = slice(None)


def _identity(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class EncoderLayer:
    """One layer as the engine sees it: `complete(x + output(context(norm(x))))`."""

    qkv_weight: Tensor  # ((head + 2 * kv_head) * width, hidden): the three projections as one product
    qkv_bias: Tensor | None
    output_weight: Tensor  # (hidden, head * width)
    output_bias: Tensor | None
    complete: Callable[[Tensor], Tensor]  # from the residual sum to the layer's output: norms and feed-forward part
    heads: int
    kv_heads: int  # of keys and values: as many as `heads`, or one for every so many of them, in order
    causal: bool = False  # a query reads no key behind itself
    norm: Callable[[Tensor], Tensor] = _identity  # before the projections, in pre-norm families
    rotation: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None  # cosines and sines of x's positions, (n, width)
    window: int | None = None  # a query reads no key further away than this
    allowed: Tensor | None = None  # the keys that each query may read, (n, n), bool; None: all but for the above

    def split_heads(self, x: Tensor) -> Tensor:
        """`(batch, n, head * width)` to `(batch, head, n, width)`."""
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    @property
    def _sizes(self) -> tuple[int, int, int]:
        """How many of the rows of `qkv_weight` are the query's, the key's and the value's."""
        width = self.qkv_weight.shape[0] // (self.heads + 2 * self.kv_heads)
        return self.heads * width, self.kv_heads * width, self.kv_heads * width

    def _project(self, x: Tensor, start: int, stop: int) -> tuple[Tensor, ...]:
        """Projections `start` to `stop` of query 0, key 1 and value 2, each `(batch, its heads, positions, width)`."""
        rows = slice(sum(self._sizes[:start]), sum(self._sizes[:stop]))
        bias = None if self.qkv_bias is None else self.qkv_bias[rows]
        projected = functional.linear(x, self.qkv_weight[rows], bias).split(self._sizes[start:stop], dim=-1)
        heads = (self.heads, self.kv_heads, self.kv_heads)[start:stop]
        return tuple(
            part.unflatten(-1, (count, -1)).transpose(-3, -2) for part, count in zip(projected, heads, strict=True)
        )

    def restricted(self, heads: Tensor) -> "EncoderLayer":
        """The layer with only the heads where `heads`, boolean `(head,)`, is true: the others are in no product."""
        if bool(heads.all()):
            return self
        kept, hidden = heads.nonzero().flatten(), self.output_weight.shape[0]

        def of_kept(rows: Tensor) -> Tensor:
            # Every head that is left gets keys and values of its own: those that shared them need not be left alike.
            split = rows.split(self._sizes)
            parts = zip(split, (self.heads, self.kv_heads, self.kv_heads), strict=True)
            return torch.cat([per_head(part.unflatten(0, (n, -1)), self.heads, dim=0)[kept] for part, n in parts])

        weight = of_kept(self.qkv_weight).flatten(0, 1)
        bias = None if self.qkv_bias is None else of_kept(self.qkv_bias).flatten()
        output = self.output_weight.view(hidden, self.heads, -1)[:, kept].flatten(1)
        count = len(kept)
        return replace(self, qkv_weight=weight, qkv_bias=bias, output_weight=output, heads=count, kv_heads=count)

    def value(self, x: Tensor) -> Tensor:
        """Value vectors `(batch, head, n, width)` of hidden states `(batch, n, hidden)`."""
        return per_head(self._project(self.norm(x), 2, 3)[0], self.heads)

    def context(self, x: Tensor, *, key_mask: Tensor | None, rows: slice) -> Tensor:
        """Context `(batch, rows, head * width)` of the query positions `rows`, by fused attention."""
        if not self.heads:
            return x[:, rows, :0]
        everywhere = self.rotation is None and self.window is None and self.allowed is None and not self.causal
        if everywhere and rows.start is not None and rows.stop == rows.start + 1:
            return self._row_context(self.norm(x), key_mask, rows)
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
            query, key, value = self._project(normed, 0, 3)
        else:
            (query,) = self._project(normed[:, rows], 0, 1)
            key, value = self._project(normed, 1, 3)
        if self.rotation is not None:
            cos, sin = self.rotation(x)
            query, key = _rotate(query, cos[rows], sin[rows]), _rotate(key, cos, sin)
        # As late as may be: several heads may share a projection and its rotation.
        return query, per_head(key, self.heads), per_head(value, self.heads)

    def _row_context(self, normed: Tensor, key_mask: Tensor | None, row: slice) -> Tensor:
        """One row of `context`, by one folded query and one pooled value per head instead of n keys and values.

        A score is q W_K x_j and the context W_V sum_j A_j x_j. The key's bias adds the same to every score, which
        softmax does not see; the value's bias is added once, as the probabilities sum to one.
        """
        query = self._project(normed[:, row], 0, 1)[0].squeeze(2)  # (batch, head, width)
        _, *shared = self.qkv_weight.split(self._sizes)
        split = (weight.unflatten(0, (self.kv_heads, -1)) for weight in shared)
        key_weight, value_weight = (per_head(weight, self.heads, dim=0) for weight in split)  # (head, width, hidden)
        folded = torch.einsum("bhd,hde->bhe", query, key_weight) * query.shape[-1] ** -0.5
        scores = folded @ normed.transpose(1, 2)
        if key_mask is not None:
            scores = scores.masked_fill(~key_mask[:, 0], -torch.inf)
        pooled = scores.softmax(dim=-1, dtype=normed.dtype) @ normed  # (batch, head, hidden)
        context = torch.einsum("bhe,hde->bhd", pooled, value_weight).flatten(1)
        if self.qkv_bias is not None:
            bias = self.qkv_bias.split(self._sizes)[2].unflatten(0, (self.kv_heads, -1))
            context = context + per_head(bias, self.heads, dim=0).flatten()
        return context[:, None]

    def _mask(self, n: int, key_mask: Tensor | None, *, rows: slice, device: torch.device) -> Tensor | None:
        # Boolean: a floating mask of another type than the query's is silently wrong on the CPU.
        if self.allowed is not None:
            return self.allowed[rows] if key_mask is None else self.allowed[rows] & key_mask
        window = n if self.window is None else self.window
        if n <= window + 1 and not self.causal:
            return key_mask
        position = torch.arange(n, device=device)
        distance = position[rows, None] - position  # of a key that lies before the query
        near = (distance <= window) & (distance >= (0 if self.causal else -window))
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
    """The layers of a sequence classifier, and the readout from one token's last hidden state to the logits."""

    layers: tuple[EncoderLayer, ...]
    readout: Callable[[Tensor], Tensor]  # (batch, 1, hidden) -> (batch, classes)
    readout_row: int  # the index of that token

    def rows(self, layer: int) -> slice:
        """The query rows of `layer` that have an effect: of the last one that of the token which the readout sees."""
        return slice(self.readout_row, self.readout_row + 1) if layer == len(self.layers) - 1 else ALL_ROWS

    def forward_from(self, layer: int, hidden: Tensor, *, key_mask: Tensor | None) -> Tensor:
        """Logits `(batch, classes)` of hidden states `(batch, n, hidden)` that enter `layer`.

        The last layer computes one row only: the readout sees nothing else.
        """
        for index, part in enumerate(self.layers[layer:], start=layer):
            rows = self.rows(index)
            context = part.context(hidden, key_mask=key_mask, rows=rows)
            hidden = part.finish(part.project(context), hidden[:, rows])
        return self.readout(hidden)
