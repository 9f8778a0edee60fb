"""Maps of the edges of one example, by every method that experiments compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from attattr.randomness import derived_seed
from attattr.scores import edge_scores
from pipeline.values.columns import PAIRS, RANDOM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.inputs import Inputs
    from pipeline.values.edge_methods import EdgeMethod


def edge_maps(
    model: PreTrainedModel,
    inputs: Inputs,
    methods: Mapping[str, EdgeMethod],
    *,
    target: int | Literal["predicted"] = "predicted",
    token_budget: TokenBudget = "auto",
) -> dict[str, Tensor]:
    """Maps `(layer, head, query, key)` of the one example of `inputs` by each method, for the class `target`."""
    given: dict[str, Any] = {**inputs.arguments(), "target": target, "token_budget": token_budget}
    return {name: edge_scores(model, one.score, output=one.output, **given)[0] for name, one in methods.items()}


def scores_at(maps: Mapping[str, Tensor], *, level: str, seed: int, name: str) -> dict[str, NDArray[np.float64]]:
    """Scores `(layer, head, query, key)` of the example `name`, and random ones; of pairs there is one head, the sum.

    What heads have together only is left out where `level` is `EDGES`.
    """
    heads = maps["attention"].shape[1]
    if level == PAIRS:
        scores = {method: values.sum(dim=1, keepdim=True) for method, values in maps.items()}
    else:
        scores = {method: values for method, values in maps.items() if values.shape[1] == heads}
    generator = torch.Generator().manual_seed(derived_seed(seed, "random edges", level, name))
    scores[RANDOM] = torch.rand(scores["attention"].shape, generator=generator, dtype=torch.float64)
    return {method: values.double().cpu().numpy() for method, values in scores.items()}
