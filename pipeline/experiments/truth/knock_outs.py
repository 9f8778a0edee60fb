"""Which scores find the edges that matter? Every edge is knocked out, exactly (docs/method.md, "Knock-outs")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from scipy.stats import mannwhitneyu, rankdata

from attattr.attribution import attribute, gradient_x_attention
from attattr.faithfulness import masked_edges
from attattr.families import describe
from attattr.knockouts import knock_outs
from attattr.output import evaluate
from attattr.prefix import frozen, prefix_pass
from pipeline.experiments.tree.rivals import contributions, value_weighted
from pipeline.experiments.truth.randomise import rank_correlation
from pipeline.predicting.examples import collate
from pipeline.predicting.predict import model_inputs
from pipeline.terminal.progress import progress
from pipeline.values.columns import EDGES, PAIRS, RANDOM
from pipeline.values.randomness import derived_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.inputs import Inputs
    from pipeline.predicting.examples import Example
    from pipeline.values.schema import Truth

CONTRIBUTION = "contribution"


def outcomes(
    model: PreTrainedModel, examples: Sequence[Example], *, settings: Truth, seed: int, token_budget: TokenBudget
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """How well each score finds what matters, a row per example, level and method; and what groups of edges lose.

    The truth of an edge is the change of the predicted class's log-odds when it alone is removed. `precision` is the
    share of the `top_k` edges with the largest effects among as many with the largest scores, `spearman` the rank
    correlation of scores and effects; `auroc` and `average_precision` ask whether |score| tells edges with an effect
    (at least `least_effect`) from those without. Where all edges are of one kind they are what chance has.
    A group is the `size` pairs with the largest scores, removed together; `lost` is what the log-odds lose.
    """
    found, groups = [], []
    for example in progress(examples, description="knock out"):
        batch = collate([example], pad_id=model.config.pad_token_id or 0).to(model.device)
        inputs = model_inputs(model, batch)
        maps = edge_maps(model, inputs)
        for level in settings.levels:
            logits, whole = knock_outs(model, inputs, per_head=level == EDGES, token_budget=token_budget)
            target = whole.argmax()
            effects = _log_odds(whole[None], target) - _log_odds(logits.flatten(0, 3), target)
            truth = effects.view(logits.shape[:-1]).double().cpu().numpy()
            scores = edge_scores(maps, level=level, seed=seed, name=example.example_id)
            for method, values in scores.items():
                row = {"example_id": example.example_id, "level": level, "method": method}
                found.append(row | agreement(values, truth, top_k=settings.top_k, least=settings.least_effect))
            if level == PAIRS:
                lost = group_losses(model, inputs, scores, sizes=settings.group_sizes)
                groups += [{"example_id": example.example_id} | row for row in lost]
    return found, groups


def edge_maps(
    model: PreTrainedModel, inputs: Inputs, *, target: int | Literal["predicted"] = "predicted"
) -> dict[str, Tensor]:
    """Maps `(layer, head, query, key)` of one example by every method but `random`; contributions have one head.

    Attribution explains the probability of the class `target`, as in the paper, its log-odds (`margin`), or the
    probability along the joint path; the gradient is the log-odds'.
    """
    given = inputs.arguments()
    gradient = gradient_x_attention(model, **given, target=target)
    with frozen(model), torch.no_grad():
        prefix = prefix_pass(model, inputs)
        return {
            "attribution": attribute(model, **given, target=target).attribution[0],
            "attribution_margin": attribute(model, **given, target=target, output="margin").attribution[0],
            "joint": attribute(model, **given, target=target, path="joint").attribution[0],
            "gradient_x_attention": gradient.attribution[0],
            "attention": gradient.attention_probs[0],
            "value_weighted": value_weighted(prefix),
            CONTRIBUTION: contributions(prefix, describe(model).layers)[:, None],
        }


def edge_scores(maps: dict[str, Tensor], *, level: str, seed: int, name: str) -> dict[str, NDArray[np.float64]]:
    """Scores `(layer, head, query, key)` of the example `name`; of pairs there is one head, the sum of all.

    Contributions are of pairs alone, random scores of either.
    """
    if level == PAIRS:
        scores = {method: values.sum(dim=1, keepdim=True) for method, values in maps.items()}
    else:
        scores = {method: values for method, values in maps.items() if method != CONTRIBUTION}
    generator = torch.Generator().manual_seed(derived_seed(seed, "random edges", level, name))
    scores[RANDOM] = torch.rand(scores["attention"].shape, generator=generator, dtype=torch.float64)
    return {method: values.double().cpu().numpy() for method, values in scores.items()}


def agreement(
    scores: NDArray[np.float64], effects: NDArray[np.float64], *, top_k: int, least: float
) -> dict[str, float]:
    """Agreement of scores with effects of the same edges, in any shape."""
    scores, effects = scores.ravel(), effects.ravel()
    matters, size, k = np.abs(effects) >= least, np.abs(scores), min(top_k, len(scores))
    largest = [set(np.argsort(-values, kind="stable")[:k].tolist()) for values in (scores, effects)]
    result = {
        "precision": len(largest[0] & largest[1]) / k,
        "spearman": rank_correlation(scores, effects),
        "auroc": 0.5,
        "average_precision": float(matters.mean()),
        "share_with_effect": float(matters.mean()),
    }
    if 0 < matters.sum() < len(matters):
        above = mannwhitneyu(size[matters], size[~matters]).statistic
        result["auroc"] = float(above / (matters.sum() * (~matters).sum()))
        result["average_precision"] = average_precision(size, matters)
    return result


def average_precision(scores: NDArray[np.float64], relevant: NDArray[np.bool_]) -> float:
    """Mean, over the relevant ones, of the share of relevant ones among those that score no less."""
    no_less = rankdata(-scores, method="max")
    relevant_no_less = rankdata(-scores[relevant], method="max")
    return float((relevant_no_less / no_less[relevant]).mean())


def group_losses(
    model: PreTrainedModel, inputs: Inputs, scores: dict[str, NDArray[np.float64]], *, sizes: Sequence[int]
) -> list[dict[str, Any]]:
    """What the predicted class's log-odds lose without the pairs of the largest scores, a row per method and size."""
    layers, _, n, _ = next(iter(scores.values())).shape
    sizes = [min(size, layers * n * n) for size in sizes]
    masks = torch.ones(1 + len(scores) * len(sizes), layers * n * n, dtype=torch.bool)
    for number, values in enumerate(scores.values()):
        order = torch.from_numpy(np.argsort(-values.ravel(), kind="stable").copy())
        for place, size in enumerate(sizes):
            masks[1 + number * len(sizes) + place, order[:size]] = False
    copies = {name: tensor.expand(len(masks), -1) for name, tensor in inputs.arguments().items()}
    with frozen(model), torch.no_grad(), masked_edges(model, masks.view(-1, layers, n, n).to(model.device)):
        logits = model(**copies).logits
    odds = _log_odds(logits, logits[0].argmax()).double().cpu()
    lost = (odds[0] - odds[1:]).view(len(scores), len(sizes)).tolist()
    return [
        {"method": method, "size": size, "lost": value}
        for method, row in zip(scores, lost, strict=True)
        for size, value in zip(sizes, row, strict=True)
    ]


def _log_odds(logits: Tensor, target: Tensor) -> Tensor:
    return evaluate(logits, target.expand(len(logits)), output="margin")
