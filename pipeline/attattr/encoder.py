"""What the engine needs of a model: one description of a post-norm encoder layer for every supported family."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from pipeline.attattr.attention import head_count
from pipeline.attattr.errors import AttributionError


@dataclass(frozen=True)
class EncoderLayer:
    """One layer as the engine sees it: `feed_forward(norm(output(context) + bias + x))`."""

    qkv_weight: Tensor  # (3 * hidden, hidden): the three projections as one product
    qkv_bias: Tensor
    output_weight: Tensor  # (hidden, head * width)
    output_bias: Tensor
    norm: Callable[[Tensor], Tensor]
    feed_forward: Callable[[Tensor], Tensor]  # the second half of the layer, residual and norm included
    heads: int

    def split_heads(self, x: Tensor) -> Tensor:
        """`(batch, n, head * width)` to `(batch, head, n, width)`."""
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def value(self, x: Tensor) -> Tensor:
        """Value vectors `(batch, head, n, width)` of hidden states `(batch, n, hidden)`."""
        third = self.qkv_weight.shape[0] // 3
        return self.split_heads(functional.linear(x, self.qkv_weight[2 * third :], self.qkv_bias[2 * third :]))

    def context(self, x: Tensor, *, key_mask: Tensor | None, rows: slice) -> Tensor:
        """Context `(batch, rows, head * width)` of the query positions `rows`, by fused attention."""
        third = self.qkv_weight.shape[0] // 3
        if rows == slice(None):
            query, key, value = functional.linear(x, self.qkv_weight, self.qkv_bias).split(third, dim=-1)
        else:
            query = functional.linear(x[:, rows], self.qkv_weight[:third], self.qkv_bias[:third])
            key, value = functional.linear(x, self.qkv_weight[third:], self.qkv_bias[third:]).split(third, dim=-1)
        query, key, value = self.split_heads(query), self.split_heads(key), self.split_heads(value)
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=key_mask)
        return context.transpose(1, 2).flatten(2)

    def project(self, context: Tensor) -> Tensor:
        """The output projection without its bias, so that scaling the context scales the result."""
        return functional.linear(context, self.output_weight)

    def finish(self, projected: Tensor, x: Tensor) -> Tensor:
        """The layer's output, from the projected context and the layer's input."""
        return self.feed_forward(self.norm(projected + self.output_bias + x))


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


def _fused(projections: tuple[nn.Linear, nn.Linear, nn.Linear]) -> tuple[Tensor, Tensor]:
    return torch.cat([p.weight for p in projections]), torch.cat([p.bias for p in projections])


# Layers and models are Any from here on: what they hold depends on the family.
def _bert_layer(layer: Any, heads: int) -> EncoderLayer:
    attention, output = layer.attention.self, layer.attention.output
    weight, bias = _fused((attention.query, attention.key, attention.value))
    return EncoderLayer(
        qkv_weight=weight,
        qkv_bias=bias,
        output_weight=output.dense.weight,
        output_bias=output.dense.bias,
        norm=output.LayerNorm,
        feed_forward=layer.feed_forward_chunk,
        heads=heads,
    )


def _distilbert_layer(layer: Any, heads: int) -> EncoderLayer:
    attention = layer.attention
    weight, bias = _fused((attention.q_lin, attention.k_lin, attention.v_lin))
    return EncoderLayer(
        qkv_weight=weight,
        qkv_bias=bias,
        output_weight=attention.out_lin.weight,
        output_bias=attention.out_lin.bias,
        norm=layer.sa_layer_norm,
        feed_forward=lambda hidden: layer.output_layer_norm(layer.ffn(hidden) + hidden),
        heads=heads,
    )


def _bert_readout(model: Any) -> Callable[[Tensor], Tensor]:
    return lambda hidden: model.classifier(model.dropout(model.bert.pooler(hidden)))


def _distilbert_readout(model: Any) -> Callable[[Tensor], Tensor]:
    return lambda hidden: model.classifier(torch.relu(model.pre_classifier(hidden[:, 0])))


def _head_readout(model: Any) -> Callable[[Tensor], Tensor]:
    return model.classifier


# family: (attribute that holds the encoder, path to its layers, layer description, readout)
_FAMILIES = {
    "bert": ("bert.encoder.layer", _bert_layer, _bert_readout),
    "roberta": ("roberta.encoder.layer", _bert_layer, _head_readout),
    "electra": ("electra.encoder.layer", _bert_layer, _head_readout),
    "distilbert": ("distilbert.transformer.layer", _distilbert_layer, _distilbert_readout),
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
    """The model's encoder layers, first to last."""
    return list(model.get_submodule(_FAMILIES[model.config.model_type][0]).children())


def describe(model: PreTrainedModel) -> Encoder:
    """The model's layers and readout. Raises AttributionError for an unsupported model."""
    check_family(model)
    _, describe_layer, readout = _FAMILIES[model.config.model_type]
    heads = head_count(model)
    return Encoder(tuple(describe_layer(layer, heads) for layer in layer_modules(model)), readout(model))
