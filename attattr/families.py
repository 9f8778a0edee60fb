"""The supported model families: how each one's modules make up the engine's description of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from transformers import PreTrainedModel

from attattr.attention import head_count
from attattr.encoder import Encoder, EncoderLayer
from attattr.errors import AttributionError

PATTERN = "allowed_edges"  # the buffer in which an attention keeps its pattern


def _check_plain(projection: nn.Module) -> None:
    """Raise AttributionError unless the projection is its weights: the engine reads them, past its forward pass."""
    if type(projection) is not nn.Linear and not is_parametrized(projection):
        raise AttributionError(
            f"an attention projection is a {type(projection).__name__}, not a Linear layer: merge adapters into the "
            "weights, and load these unquantised"
        )


def _post_norm_layer(
    query: nn.Linear,
    key: nn.Linear,
    value: nn.Linear,
    output: nn.Linear,
    complete: Callable[[Tensor], Tensor],
    heads: int,
) -> EncoderLayer:
    for projection in (query, key, value, output):
        _check_plain(projection)
    projections = (query, key, value)
    return EncoderLayer(
        qkv_weight=torch.cat([projection.weight for projection in projections]),
        qkv_bias=torch.cat([projection.bias for projection in projections]),
        output_weight=output.weight,
        output_bias=output.bias,
        complete=complete,
        heads=heads,
        kv_heads=heads,
    )


# Layers and models are Any from here on: what they hold depends on the family.
def _bert_layer(layer: Any, _model: Any, heads: int) -> EncoderLayer:
    attention, output = layer.attention.self, layer.attention.output

    def complete(total: Tensor) -> Tensor:
        return layer.feed_forward_chunk(output.LayerNorm(total))

    described = _post_norm_layer(attention.query, attention.key, attention.value, output.dense, complete, heads)
    return replace(described, allowed=getattr(attention, PATTERN, None))


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

    for projection in (layer.attn.Wqkv, layer.attn.Wo):
        _check_plain(projection)
    return EncoderLayer(
        qkv_weight=layer.attn.Wqkv.weight,
        qkv_bias=layer.attn.Wqkv.bias,
        output_weight=layer.attn.Wo.weight,
        output_bias=layer.attn.Wo.bias,
        complete=lambda total: total + layer.mlp(layer.mlp_norm(total)),
        heads=heads,
        kv_heads=heads,
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
    if getattr(model.config, "kept_heads", None) is not None:
        raise AttributionError(f"{architecture} has layers of different numbers of heads: explain the whole model")
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
    # All of them read the first token out, [CLS].
    return Encoder(tuple(described[module] for module in applications), family.readout(model), readout_row=0)
