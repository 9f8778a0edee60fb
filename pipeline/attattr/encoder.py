"""What the engine needs of a model: one description of an encoder layer for every supported family."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from pipeline.attattr.attention import head_count
from pipeline.attattr.errors import AttributionError


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

    def split_heads(self, x: Tensor) -> Tensor:
        """`(batch, n, head * width)` to `(batch, head, n, width)`."""
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def _project(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Projections `start` to `stop` of query 0, key 1 and value 2."""
        third = self.qkv_weight.shape[0] // 3
        part = slice(start * third, stop * third)
        return functional.linear(x, self.qkv_weight[part], None if self.qkv_bias is None else self.qkv_bias[part])

    def value(self, x: Tensor) -> Tensor:
        """Value vectors `(batch, head, n, width)` of hidden states `(batch, n, hidden)`."""
        return self.split_heads(self._project(self.norm(x), 2, 3))

    def context(self, x: Tensor, *, key_mask: Tensor | None, rows: slice) -> Tensor:
        """Context `(batch, rows, head * width)` of the query positions `rows`, by fused attention."""
        normed = self.norm(x)
        if rows == slice(None):
            query, key, value = self._project(normed, 0, 3).chunk(3, dim=-1)
        else:
            query = self._project(normed[:, rows], 0, 1)
            key, value = self._project(normed, 1, 3).chunk(2, dim=-1)
        query, key, value = self.split_heads(query), self.split_heads(key), self.split_heads(value)
        if self.rotation is not None:
            cos, sin = self.rotation(x)
            query, key = _rotate(query, cos[rows], sin[rows]), _rotate(key, cos, sin)
        mask = self._mask(x.shape[1], key_mask, rows=rows, device=x.device)
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return context.transpose(1, 2).flatten(2)

    def _mask(self, n: int, key_mask: Tensor | None, *, rows: slice, device: torch.device) -> Tensor | None:
        # Boolean: a floating mask of another type than the query's is silently wrong on the CPU.
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
    """Rotary position embedding of `(batch, head, n, width)`."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


@dataclass(frozen=True)
class Encoder:
    """The layers of a sequence classifier, and the readout from the first token's last hidden state to the logits."""

    layers: tuple[EncoderLayer, ...]
    readout: Callable[[Tensor], Tensor]  # (batch, 1, hidden) -> (batch, classes)

    def forward_from(self, layer: int, hidden: Tensor, *, key_mask: Tensor | None) -> Tensor:
        """Logits `(batch, classes)` of hidden states `(batch, n, hidden)` that enter `layer`.

        The last layer computes the first row only: the readout sees nothing else.
        """
        last = len(self.layers) - 1
        for index, part in enumerate(self.layers[layer:], start=layer):
            rows = slice(0, 1) if index == last else slice(None)
            context = part.context(hidden, key_mask=key_mask, rows=rows)
            hidden = part.finish(part.project(context), hidden[:, rows])
        return self.readout(hidden)


def _post_norm_layer(
    query: nn.Linear,
    key: nn.Linear,
    value: nn.Linear,
    output: nn.Linear,
    complete: Callable[[Tensor], Tensor],
    heads: int,
) -> EncoderLayer:
    projections = (query, key, value)
    return EncoderLayer(
        qkv_weight=torch.cat([projection.weight for projection in projections]),
        qkv_bias=torch.cat([projection.bias for projection in projections]),
        output_weight=output.weight,
        output_bias=output.bias,
        complete=complete,
        heads=heads,
    )


# Layers and models are Any from here on: what they hold depends on the family.
def _bert_layer(layer: Any, _model: Any, heads: int) -> EncoderLayer:
    attention, output = layer.attention.self, layer.attention.output

    def complete(total: Tensor) -> Tensor:
        return layer.feed_forward_chunk(output.LayerNorm(total))

    return _post_norm_layer(attention.query, attention.key, attention.value, output.dense, complete, heads)


def _distilbert_layer(layer: Any, _model: Any, heads: int) -> EncoderLayer:
    attention = layer.attention

    def complete(total: Tensor) -> Tensor:
        hidden = layer.sa_layer_norm(total)
        return layer.output_layer_norm(layer.ffn(hidden) + hidden)

    return _post_norm_layer(attention.q_lin, attention.k_lin, attention.v_lin, attention.out_lin, complete, heads)


def _albert_layer(layer: Any, _model: Any, heads: int) -> EncoderLayer:
    attention = layer.attention

    def complete(total: Tensor) -> Tensor:
        hidden = attention.LayerNorm(total)
        return layer.full_layer_layer_norm(layer.ff_chunk(hidden) + hidden)

    return _post_norm_layer(attention.query, attention.key, attention.value, attention.dense, complete, heads)


def _modernbert_layer(layer: Any, model: Any, heads: int) -> EncoderLayer:
    def rotation(x: Tensor) -> tuple[Tensor, Tensor]:
        positions = torch.arange(x.shape[1], device=x.device)[None]
        cos, sin = model.model.rotary_emb(x, positions, layer.attention_type)
        return cos[0], sin[0]

    return EncoderLayer(
        qkv_weight=layer.attn.Wqkv.weight,
        qkv_bias=layer.attn.Wqkv.bias,
        output_weight=layer.attn.Wo.weight,
        output_bias=layer.attn.Wo.bias,
        complete=lambda total: total + layer.mlp(layer.mlp_norm(total)),
        heads=heads,
        norm=layer.attn_norm,
        rotation=rotation,
        window=model.config.sliding_window if layer.attention_type == "sliding_attention" else None,
    )


def _bert_readout(model: Any) -> Callable[[Tensor], Tensor]:
    return lambda hidden: model.classifier(model.dropout(model.bert.pooler(hidden)))


def _albert_readout(model: Any) -> Callable[[Tensor], Tensor]:
    return lambda hidden: model.classifier(torch.tanh(model.albert.pooler(hidden[:, 0])))


def _distilbert_readout(model: Any) -> Callable[[Tensor], Tensor]:
    return lambda hidden: model.classifier(torch.relu(model.pre_classifier(hidden[:, 0])))


def _modernbert_readout(model: Any) -> Callable[[Tensor], Tensor]:
    return lambda hidden: model.classifier(model.head(model.model.final_norm(hidden[:, 0])))


def _head_readout(model: Any) -> Callable[[Tensor], Tensor]:
    return model.classifier


def _stack(path: str) -> Callable[[Any], list[nn.Module]]:
    return lambda model: list(model.get_submodule(path).children())


def _albert_applications(model: Any) -> list[nn.Module]:
    """Groups of layers, applied again and again: every application counts as a layer."""
    config, groups = model.config, model.albert.encoder.albert_layer_groups
    places = (index * config.num_hidden_groups // config.num_hidden_layers for index in range(config.num_hidden_layers))
    return [layer for place in places for layer in groups[place].albert_layers]


@dataclass(frozen=True)
class _Family:
    layers: Callable[[Any], list[nn.Module]]  # in the order of application
    layer: Callable[[Any, Any, int], EncoderLayer]
    readout: Callable[[Any], Callable[[Tensor], Tensor]]


_ROBERTA = _Family(_stack("roberta.encoder.layer"), _bert_layer, _head_readout)
_FAMILIES = {
    "bert": _Family(_stack("bert.encoder.layer"), _bert_layer, _bert_readout),
    "roberta": _ROBERTA,
    "electra": _Family(_stack("electra.encoder.layer"), _bert_layer, _head_readout),
    "distilbert": _Family(_stack("distilbert.transformer.layer"), _distilbert_layer, _distilbert_readout),
    "albert": _Family(_albert_applications, _albert_layer, _albert_readout),
    "camembert": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "modernbert": _Family(_stack("model.layers"), _modernbert_layer, _modernbert_readout),
}
FAMILIES: tuple[str, ...] = tuple(_FAMILIES)


def check_family(model: PreTrainedModel) -> None:
    """Raise AttributionError unless `model` is a sequence classifier of a supported family."""
    family, architecture = model.config.model_type, type(model).__name__
    if family not in _FAMILIES:
        raise AttributionError(f"model family {family!r} is not supported: use one of {', '.join(FAMILIES)}")
    if not architecture.endswith("ForSequenceClassification"):
        raise AttributionError(f"{architecture} has no class to explain: load AutoModelForSequenceClassification")


def layer_modules(model: PreTrainedModel) -> list[nn.Module]:
    """The model's encoder layers, first to last; a module that is applied several times occurs as often."""
    return _FAMILIES[model.config.model_type].layers(model)


def describe(model: PreTrainedModel) -> Encoder:
    """The model's layers and readout. Raises AttributionError for an unsupported model."""
    check_family(model)
    family, heads = _FAMILIES[model.config.model_type], head_count(model)
    applications = layer_modules(model)
    described = {module: family.layer(module, model, heads) for module in dict.fromkeys(applications)}
    return Encoder(tuple(described[module] for module in applications), family.readout(model))
