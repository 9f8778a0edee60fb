"""Is the planted word the first that a score names, and which heads read it? (docs/method.md, "Shortcut")"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attattr.examples import inputs_of
from attattr.importance import passed_on
from attattr.randomness import derived_seed
from attattr.triggers import embedding_gradient
from pipeline.experiments.shortcut.plant import GIVEN_AWAY
from pipeline.measuring.edge_maps import edge_maps
from pipeline.terminal.progress import progress
from pipeline.values.columns import ATTRIBUTION, GRADIENT_X_INPUT, RANDOM
from pipeline.values.edge_methods import EDGE_METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.inputs import Inputs
    from pipeline.experiments.shortcut.plant import Planted

OF_HEADS = {method: EDGE_METHODS[method] for method in (ATTRIBUTION, "gradient_x_attention", "attention")}


def outcomes(model: PreTrainedModel, examples: Sequence[Planted], *, seed: int) -> list[dict[str, Any]]:
    """The planted word's rank among the tokens of its text, a row per example and method; 1 is the first.

    Special tokens have none: attention would name them first. Of equal scores the word has the worst rank. `brought`
    is the probability of the word's class that attention brings: the most of any layer, F less F without its attention.
    """
    rows = []
    for one in progress(examples, description="find the word"):
        example, inputs = one.example, inputs_of(model, [one.example])
        maps = edge_maps(model, inputs, EDGE_METHODS, target=GIVEN_AWAY)
        # By completeness, the sum of a layer's scores.
        brought = float(maps[ATTRIBUTION].sum(dim=(1, 2, 3)).max())
        for method, scores in token_scores(model, maps, inputs, seed=seed, name=example.example_id).items():
            own = scores[example.own]
            rank = int((own >= scores[one.place]).sum())
            row = {"example_id": example.example_id, "method": method, "rank": rank, "tokens": len(own)}
            rows.append(row | {"first": rank == 1, "brought": brought})
    return rows


def token_scores(
    model: PreTrainedModel, maps: Mapping[str, Tensor], inputs: Inputs, *, seed: int, name: str
) -> dict[str, Tensor]:
    """How much each token of the example `name` speaks for the class that the word gives away, `(n,)`, by every method.

    Of a map of edges, what a token passes on: its positive scores summed over layers, heads and queries.
    """
    scores = {method: passed_on(values).sum(dim=(0, 1)) for method, values in maps.items()}
    scores[GRADIENT_X_INPUT] = gradient_x_input(model, inputs)
    generator = torch.Generator().manual_seed(derived_seed(seed, "random tokens", name))
    scores[RANDOM] = torch.rand(inputs.input_ids.shape[1], generator=generator)
    return {method: values.double().cpu() for method, values in scores.items()}


def reading_heads(model: PreTrainedModel, examples: Sequence[Planted]) -> dict[str, Tensor]:
    """How much of the word each head passes on, mean over examples, `(layer, head)`, by each of `OF_HEADS`."""
    found: dict[str, list[Tensor]] = {method: [] for method in OF_HEADS}
    for one in progress(examples, description="find its heads"):
        maps = edge_maps(model, inputs_of(model, [one.example]), OF_HEADS, target=GIVEN_AWAY)
        for method, edges in maps.items():
            found[method].append(passed_on(edges)[..., one.place].double().cpu())
    return {method: torch.stack(values).mean(dim=0) for method, values in found.items()}


def gradient_x_input(model: PreTrainedModel, inputs: Inputs) -> Tensor:
    """Gradient of the class's log-probability times the word embedding, summed over its width, `(n,)`."""
    label = torch.full((1,), GIVEN_AWAY, device=model.device)
    gradient = embedding_gradient(model, **inputs.arguments(), labels=label)  # of the loss
    return -(gradient * model.get_input_embeddings()(inputs.input_ids).detach()).sum(dim=-1)[0]
