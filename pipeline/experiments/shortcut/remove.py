"""The heads that read the planted word, masked: what comes back, and what it costs (docs/method.md, "Shortcut")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attattr.pruning import global_masks, masked_counts
from pipeline.measuring.head_orders import random_rankings, untied
from pipeline.predicting.masked import masked_predictions
from pipeline.values.columns import RANDOM
from pipeline.values.long import to_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.examples import Example
    from pipeline.values.schema import Shortcut


def outcomes(
    model: PreTrainedModel,
    examples: Mapping[str, Sequence[Example]],
    heads: Mapping[str, Tensor],
    *,
    settings: Shortcut,
    seed: int,
    token_budget: TokenBudget,
) -> dict[str, NDArray[Any]]:
    """The class predicted without the heads that read the word most, as columns of a long table.

    They are method, order (which counts random ones), rate, rows (their kind), example_id, label, predicted. `examples`
    are the rows of every kind, `heads` are scores `(layer, head)` by method.
    """
    shape = next(iter(heads.values())).shape
    orders = [({"method": method, "order": 0}, scores) for method, scores in heads.items()]
    orders += [
        ({"method": RANDOM, "order": one.order}, one.importance)
        for one in random_rankings(shape, count=settings.random_orders, seed=seed)
    ]
    counts = masked_counts(list(settings.rates), heads=shape.numel(), rounding="half_up")
    masks = torch.cat([global_masks(untied(-scores, seed=seed), counts) for _, scores in orders])
    axes = ([places for places, _ in orders], [{"rate": rate} for rate in settings.rates])
    tables = []
    for rows, of_kind in examples.items():
        predicted = masked_predictions(model, of_kind, masks, token_budget=token_budget)
        who = [{"rows": rows, "example_id": one.example_id, "label": one.label} for one in of_kind]
        tables.append(to_columns((*axes, who), predicted=predicted.reshape(len(orders), len(counts), len(who))))
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
