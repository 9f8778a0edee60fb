"""E3, universality: a model's heads masked in the order that another task's model gives them."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from pipeline.attattr.batching import TokenBudget
from pipeline.experiments.prune import Ranking, correctness
from pipeline.predicting.examples import Example
from pipeline.values.schema import Universality


def foreign_correctness(
    model: PreTrainedModel,
    examples: Sequence[Example],
    importance: Mapping[str, NDArray[np.float64]],
    *,
    settings: Universality,
    token_budget: TokenBudget,
) -> tuple[list[int], NDArray[np.bool_]]:
    """Heads masked at each rate, and whether each example is right, `(task, rate, example)`.

    `importance` holds, for every task by which `model` is pruned (its own among them), one `(layer, head)` array.
    """
    orders = [
        # In float32, as `prune` ranks: its file has more digits than that, so that ties stay ties.
        Ranking(settings.method, settings.normalise, 0, torch.tensor(values, dtype=torch.float32))
        for values in importance.values()
    ]
    return correctness(model, examples, orders, rates=settings.rates, token_budget=token_budget)
