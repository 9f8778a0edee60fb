"""Sequence classifiers without some of their attention heads; needs torch and transformers alone.

`config.kept_heads` lists, for each layer, the heads of the whole model that are left. Open the folder beside this file:

    AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
"""

import warnings
from typing import Any

import torch
from torch import nn
from transformers import (
    BertForSequenceClassification,
    CamembertForSequenceClassification,
    DistilBertForSequenceClassification,
    ElectraForSequenceClassification,
    RobertaForSequenceClassification,
    XLMRobertaForSequenceClassification,
)


def _bias(size: int) -> nn.Linear:
    """A projection that reads nothing; torch would warn that it has no weights to draw."""
    with warnings.catch_warnings(action="ignore"):
        return nn.Linear(0, size)


class NoHeads(nn.Module):
    """Attention of a layer of which no head is left: nothing is read, and the output projection adds its bias."""

    def __init__(self, out_lin: nn.Module | None = None) -> None:
        super().__init__()
        self.out_lin = out_lin

    def forward(self, hidden_states: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, None]:
        """No context, `(batch, n, 0)`, or what a projection makes of it."""
        context = hidden_states[..., :0]
        return (context if self.out_lin is None else self.out_lin(context)), None


class _Pruned:
    """A classifier whose layers have the heads that its config lists, and no others."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        for layer, kept in zip(self._layers(), config.kept_heads, strict=True):
            self._shrink(layer, len(kept))

    def _layers(self) -> Any:
        return self.base_model.encoder.layer  # type: ignore[attr-defined]

    def _shrink(self, layer: Any, heads: int) -> None:
        own, output = layer.attention.self, layer.attention.output
        width, hidden = own.attention_head_size, output.dense.out_features
        if heads == 0:
            layer.attention.self, output.dense = NoHeads(), _bias(hidden)
            return
        output.dense = nn.Linear(heads * width, hidden)
        own.num_attention_heads, own.all_head_size = heads, heads * width
        own.query, own.key, own.value = (nn.Linear(hidden, heads * width) for _ in range(3))


class PrunedBertForSequenceClassification(_Pruned, BertForSequenceClassification):
    """BERT without some heads."""


class PrunedRobertaForSequenceClassification(_Pruned, RobertaForSequenceClassification):
    """RoBERTa without some heads."""


class PrunedElectraForSequenceClassification(_Pruned, ElectraForSequenceClassification):
    """ELECTRA without some heads."""


class PrunedCamembertForSequenceClassification(_Pruned, CamembertForSequenceClassification):
    """CamemBERT without some heads."""


class PrunedXLMRobertaForSequenceClassification(_Pruned, XLMRobertaForSequenceClassification):
    """XLM-RoBERTa without some heads."""


class PrunedDistilBertForSequenceClassification(_Pruned, DistilBertForSequenceClassification):
    """DistilBERT without some heads."""

    def _layers(self) -> Any:
        return self.distilbert.transformer.layer

    def _shrink(self, layer: Any, heads: int) -> None:
        own = layer.attention
        hidden, width = own.dim, own.attention_head_size
        if heads == 0:
            layer.attention = NoHeads(_bias(hidden))
            return
        own.n_heads, own.out_lin = heads, nn.Linear(heads * width, hidden)
        own.q_lin, own.k_lin, own.v_lin = (nn.Linear(hidden, heads * width) for _ in range(3))
