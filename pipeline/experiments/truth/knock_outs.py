"""Which scores find the edges that matter? Every edge is knocked out, exactly (docs/method.md, "Knock-outs")."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from attattr.copies import frozen
from attattr.examples import inputs_of
from attattr.faithfulness import masked_edges
from attattr.knockouts import knock_outs, lost
from attattr.output import evaluate
from pipeline.launch.steps import step
from pipeline.measuring.agreement import agreement
from pipeline.measuring.edge_maps import edge_maps, scores_at
from pipeline.terminal.progress import progress
from pipeline.values.columns import EDGES, EFFECT, KEPT, PAIRS
from pipeline.values.edge_methods import EDGE_METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from attattr.batching import TokenBudget
    from attattr.examples import Example
    from attattr.inputs import Inputs
    from pipeline.values.schema import Truth

BITS = 4  # of a kept value


class Found(NamedTuple):
    """Rows of outcomes: of scores held against effects, of groups of pairs, and of the pairs themselves."""

    outcomes: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    pairs: list[dict[str, Any]]


def outcomes(
    model: PreTrainedModel, examples: Sequence[Example], *, settings: Truth, seed: int, token_budget: TokenBudget
) -> Found:
    """How well each score finds what matters, a row per example, level and method; what groups of edges lose.

    The truth of an edge is the change of the predicted class's log-odds when it alone is removed. `precision` is the
    share of the `top_k` edges with the largest effects among as many with the largest scores, `spearman` the rank
    correlation of scores and effects; `auroc` and `average_precision` ask whether |score| tells the share `largest` of
    the edges, those with the largest |effect|, from the others.
    A group is the `size` pairs with the largest scores, removed together; `lost` is what the log-odds lose.
    `pairs` has a row per example: effects, and scores by `KEPT`, in the order of layer, query and key.
    """
    found = Found([], [], [])
    for example in progress(examples, description="knock out"):
        measure = partial(_of_one, model, example, settings=settings, seed=seed, token_budget=token_budget)
        parts = step(lambda measure=measure: tuple(measure()), "knock out", example.example_id)
        for rows, more in zip(found, parts, strict=True):
            rows += more
    return found


def _of_one(
    model: PreTrainedModel, example: Example, *, settings: Truth, seed: int, token_budget: TokenBudget
) -> Found:
    found, known = Found([], [], []), {"example_id": example.example_id}
    inputs = inputs_of(model, [example])
    maps = edge_maps(model, inputs, EDGE_METHODS)
    for level in settings.levels:
        logits, whole = knock_outs(model, inputs, per_head=level == EDGES, token_budget=token_budget)
        truth = lost(logits, whole, target=whole.argmax(), output="margin").numpy()
        scores = scores_at(maps, level=level, seed=seed, name=example.example_id)
        for method, values in scores.items():
            rates = agreement(values, truth, top_k=settings.top_k, share=settings.largest)
            found.outcomes.append({**known, "level": level, "method": method, **rates})
        if level == PAIRS:
            rows = group_losses(model, inputs, scores, sizes=settings.group_sizes)
            found.groups.extend(known | row for row in rows)
            columns = {EFFECT: truth} | {method: scores[method] for method in KEPT}
            found.pairs.append(known | {name: coarse(values).tolist() for name, values in columns.items()})
    return found


def coarse(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, one after the other, each rounded to `BITS` binary digits: within 1 part in 16, signs kept.

    Order is kept, save that values so near to each other may become one; few values take little of a file.
    """
    digits, exponent = np.frexp(values.ravel())
    return np.ldexp(np.round(digits * 2**BITS), exponent - BITS)


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
    masked = masked_edges(frozen(model), masks.view(-1, layers, n, n).to(model.device))
    with torch.no_grad():
        logits = masked(**copies).logits
    odds = evaluate(logits, logits[0].argmax().expand(len(logits)), output="margin").double().cpu()
    losses = (odds[0] - odds[1:]).view(len(scores), len(sizes)).tolist()
    return [
        {"method": method, "size": size, "lost": value}
        for method, row in zip(scores, losses, strict=True)
        for size, value in zip(sizes, row, strict=True)
    ]
