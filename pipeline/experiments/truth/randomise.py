"""Do scores depend on what was learned? Weights are shuffled from the top down (docs/method.md, "Randomisation")."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from attattr.attention import layer_count
from attattr.errors import AttributionError
from attattr.examples import inputs_of
from attattr.families import layer_modules
from attattr.randomness import derived_seed
from pipeline.launch.steps import step
from pipeline.measuring.agreement import rank_correlation
from pipeline.measuring.edge_maps import edge_maps
from pipeline.predicting.predict import predict_logits
from pipeline.terminal.progress import bar
from pipeline.values.columns import ATTRIBUTION
from pipeline.values.edge_methods import EDGE_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.examples import Example

SCORED = {name: EDGE_METHODS[name] for name in (ATTRIBUTION, "gradient_x_attention", "attention")}


def outcomes(
    model: PreTrainedModel, examples: Sequence[Example], *, seed: int, token_budget: TokenBudget
) -> list[dict[str, Any]]:
    """Rank correlation of every pair's score with that of the unchanged model: a row per example, method and step.

    `shuffled` counts what was shuffled: 1 is the classifier, with each further one a layer from the last to the first.
    All explain the class that the unchanged model predicts. `attribution_per_attention` is attribution divided by the
    attention: the integral of the gradient alone.
    """
    targets = predict_logits(model, examples, token_budget=token_budget).argmax(dim=1).tolist()
    scores = partial(_scores, token_budget=token_budget)
    known = [
        step(partial(scores, model, example, target), "unchanged weights", example.example_id)
        for example, target in zip(examples, targets, strict=True)
    ]

    def agreement(changed: PreTrainedModel, place: int) -> dict[str, float]:
        after = scores(changed, examples[place], targets[place])
        return {name: rank_correlation(one.numpy(), after[name].numpy()) for name, one in known[place].items()}

    rows = []
    with bar(total=(1 + layer_count(model)) * len(examples), description="shuffle weights", unit="maps") as drawn:
        for number, changed in enumerate(shuffled_from_the_top(model, seed=seed), start=1):
            for place, example in enumerate(examples):
                found = step(partial(agreement, changed, place), "shuffled weights", number, example.example_id)
                rows += [
                    {"example_id": example.example_id, "method": method, "shuffled": number, "spearman": value}
                    for method, value in found.items()
                ]
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


def _scores(model: PreTrainedModel, example: Example, target: int, *, token_budget: TokenBudget) -> dict[str, Tensor]:
    """Scores `(layer, query, key)` of the class `target` by every method, over all heads; float64 on the CPU."""
    maps = edge_maps(model, inputs_of(model, [example]), SCORED, target=target, token_budget=token_budget)
    of_heads = {method: values.double().cpu() for method, values in maps.items()}
    per_attention = of_heads[ATTRIBUTION] / of_heads["attention"].clamp(min=torch.finfo(torch.float64).tiny)
    scores = {ATTRIBUTION: of_heads[ATTRIBUTION], "attribution_per_attention": per_attention, **of_heads}
    return {method: values.sum(dim=1) for method, values in scores.items()}
