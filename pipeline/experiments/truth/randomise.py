"""Do scores depend on what was learned? Weights are shuffled from the top down (docs/method.md, "Randomisation")."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import spearmanr

from attattr.attention import layer_count
from attattr.attribution import attribute, gradient_x_attention
from attattr.errors import AttributionError
from attattr.families import layer_modules
from pipeline.predicting.examples import collate
from pipeline.predicting.predict import model_inputs
from pipeline.terminal.progress import bar
from pipeline.values.randomness import derived_seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import nn
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from pipeline.predicting.examples import Example


def outcomes(
    model: PreTrainedModel, examples: Sequence[Example], *, seed: int, token_budget: TokenBudget
) -> list[dict[str, Any]]:
    """Rank correlation of every edge's score with that of the unchanged model: a row per example, method and step.

    `shuffled` counts what was shuffled: 1 is the classifier, with each further one a layer from the last to the first.
    All explain the class that the unchanged model predicts. `attribution_per_attention` is attribution divided by the
    attention: the integral of the gradient alone.
    """
    known = {example.example_id: _scores(model, example, None, token_budget=token_budget) for example in examples}
    rows = []
    with bar(total=(1 + layer_count(model)) * len(examples), description="shuffle weights", unit="maps") as drawn:
        for number, changed in enumerate(shuffled_from_the_top(model, seed=seed), start=1):
            for example in examples:
                target, before = known[example.example_id]
                _, after = _scores(changed, example, target, token_budget=token_budget)
                for method, values in before.items():
                    row = {"example_id": example.example_id, "method": method, "shuffled": number}
                    rows.append(row | {"spearman": rank_correlation(values, after[method])})
                drawn.update()
    return rows


def shuffled_from_the_top(model: PreTrainedModel, *, seed: int) -> Iterator[PreTrainedModel]:
    """The model with its classifier shuffled, then with the last layer too, and so on; each time the same object.

    The entries of every tensor of weights change places, so that what was learned is gone and its scale is not.

    Raises:
        AttributionError: for a model that applies one layer several times.
    """
    changed = copy.deepcopy(model)
    layers = layer_modules(changed)
    if len({*map(id, layers)}) < layer_count(changed):
        raise AttributionError(f"{model.config.model_type} applies a layer several times: none can be shuffled alone")
    generator = torch.Generator().manual_seed(derived_seed(seed, "shuffled weights"))
    encoder = {id(parameter) for parameter in changed.base_model.parameters()}
    top = [parameter for parameter in changed.parameters() if id(parameter) not in encoder]
    pooler = getattr(changed.base_model, "pooler", None)
    _shuffle([*top, *(pooler.parameters() if pooler is not None else [])], generator)
    yield changed
    for layer in reversed(layers):
        _shuffle(list(layer.parameters()), generator)
        yield changed


@torch.no_grad()
def _shuffle(parameters: Sequence[nn.Parameter], generator: torch.Generator) -> None:
    for parameter in parameters:
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.copy_(parameter.flatten()[order].view_as(parameter))


def _scores(
    model: PreTrainedModel, example: Example, target: int | None, *, token_budget: TokenBudget
) -> tuple[int, dict[str, NDArray[np.float64]]]:
    """The class that is explained, and scores `(layer, head, query, key)` by every method."""
    batch = collate([example], pad_id=model.config.pad_token_id or 0).to(model.device)
    given: dict[str, Any] = {**model_inputs(model, batch).arguments(), "token_budget": token_budget}
    given["target"] = "predicted" if target is None else target
    result, gradient = attribute(model, **given), gradient_x_attention(model, **given, output="probability")
    scores, probs = result.attribution[0].double().cpu().numpy(), result.attention_probs[0].double().cpu().numpy()
    return int(result.target[0]), {
        "attribution": scores,
        "attribution_per_attention": scores / np.maximum(probs, np.finfo(np.float64).tiny),
        "gradient_x_attention": gradient.attribution[0].double().cpu().numpy(),
        "attention": probs,
    }


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's r over all entries; 0 where either is constant, as there is no order to agree with."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.asarray(spearmanr(first.ravel(), second.ravel()))[0])
