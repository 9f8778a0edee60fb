"""The error of every quadrature rule and number of steps against a much finer integral in float64.

Twice: of the whole grid on few examples, and of the paper's number of steps on as many as a claim needs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import Tensor
from transformers import PreTrainedModel

from attattr.attribution import Attribution, attribute
from attattr.batching import TokenBudget
from attattr.examples import Example, inputs_of
from attattr.integrate import FLOOR
from pipeline.launch.steps import step
from pipeline.terminal.progress import bar, progress
from pipeline.values.columns import AUTO, JUDGE, JUDGED, REFERENCE

if TYPE_CHECKING:
    from pipeline.values.schema import Convergence

AT_ONCE = 16  # examples whose maps are held in memory

Run = Callable[..., Attribution]


def error_rows(
    model: PreTrainedModel, examples: Sequence[Example], *, settings: Convergence, token_budget: TokenBudget
) -> list[dict[str, Any]]:
    """One row per example, layer, rule and number of steps; the predicted class's probability on the `layer` path.

    The reference is `reference_steps` Gauss-Legendre nodes in float64. `size` is its absolute sum ||Attr||_1, `error`
    ||Attr_m - Attr||_1 in the same unit, `gap` the |completeness gap|, `jaccard` the overlap of the `top_k` largest
    edges and `kendall` the rank correlation of all layers' heads by their largest score, the same in every layer's row.
    """
    grid, exact = [*product(settings.rules, settings.steps)], copy.deepcopy(model).double()
    with bar(total=len(grid) + 4, description="integrate", unit="runs") as drawn:
        run = _runner(model, examples, token_budget)
        gauss = partial(run, exact, rule="gauss_legendre")

        def reference() -> tuple[Tensor, Tensor]:
            # The class that the model itself predicts, so that all runs explain the same.
            fine = gauss(target="predicted", steps=settings.reference_steps)
            return fine.target, fine.attribution

        target, fine = step(reference, "reference")
        drawn.update()

        def compare(rule: str, of: Callable[[], Attribution]) -> list[dict[str, Any]]:
            """Compared at once, so that one result is held at a time."""
            rows = step(lambda: _compare(of(), fine, examples, rule=rule, top_k=settings.top_k), "compare", rule)
            drawn.update()
            return rows

        rows = compare(REFERENCE, partial(gauss, target=target, steps=settings.reference_steps // 2))
        rows += compare(JUDGE, partial(_judge, run, exact, settings, target=target))
        for rule, steps in grid:
            rows += compare(rule, partial(run, model, target=target, steps=steps, rule=rule))
        use = {"tolerance": settings.tolerance, "max_steps": settings.max_steps}
        return rows + compare(AUTO, partial(run, model, target=target, steps="auto", rule="clenshaw_curtis", **use))


def judged_rows(
    model: PreTrainedModel, examples: Sequence[Example], *, settings: Convergence, token_budget: TokenBudget
) -> list[dict[str, Any]]:
    """The same rows for 20 steps of the right and the left rule alone, shortest examples first.

    The reference refines itself in float64 to `reference_tolerance`, by at most `reference_steps`. It has rows of its
    own: their `error` is what it estimates its own to be, and `unconverged` says that this is above the tolerance.
    """
    exact, rows = copy.deepcopy(model).double(), []
    ordered = sorted(examples, key=len)

    def judged(part: Sequence[Example]) -> list[dict[str, Any]]:
        run = _runner(model, part, token_budget)
        fine = _judge(run, exact, settings, target="predicted")
        doubts = (fine.last_change * fine.attribution.abs().sum(dim=(2, 3, 4)).clamp(min=FLOOR)).flatten().tolist()
        own = _compare(fine, fine.attribution, part, rule=REFERENCE, top_k=settings.top_k)
        rows = [row | {"error": doubt} for row, doubt in zip(own, doubts, strict=True)]
        for rule, steps in JUDGED:
            result = run(model, target=fine.target, steps=steps, rule=rule)
            rows += _compare(result, fine.attribution, part, rule=rule, top_k=settings.top_k)
        return rows

    parts = [ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE)]
    for part in progress(parts, description="judge", unit="batches"):
        rows += step(partial(judged, part), "judge", [example.example_id for example in part])
    return rows


def _runner(model: PreTrainedModel, examples: Sequence[Example], token_budget: TokenBudget) -> Run:
    """What attributes the examples, as one batch, by `model` or a copy of it."""
    return partial(attribute, **inputs_of(model, examples).arguments(), token_budget=token_budget)


def _judge(run: Run, exact: PreTrainedModel, settings: Convergence, *, target: Tensor | str) -> Attribution:
    tolerance = {"tolerance": settings.reference_tolerance, "max_steps": settings.reference_steps}
    return run(exact, target=target, steps="auto", rule="clenshaw_curtis", **tolerance)


def _compare(
    result: Attribution, fine: Tensor, examples: Sequence[Example], *, rule: str, top_k: int
) -> list[dict[str, Any]]:
    """The rows of every example of the batch, layer by layer."""
    return [
        {"example_id": example.example_id} | row
        for number, example in enumerate(examples)
        for row in _layers(result, fine, number, len(example), rule=rule, top_k=top_k)
    ]


def _layers(result: Attribution, fine: Tensor, number: int, n: int, *, rule: str, top_k: int) -> list[dict[str, Any]]:
    """The layers' rows of example `number` of the batch, `n` tokens long."""
    scores, truth = (part[number, :, :, :n, :n].double() for part in (result.attribution, fine))
    error, size = (scores - truth).abs().sum(dim=(1, 2, 3)), truth.abs().sum(dim=(1, 2, 3))
    gap = result.completeness_gap[number]
    largest = [values.amax(dim=(2, 3)).flatten().cpu().numpy() for values in (scores, truth)]
    # Where all heads tie, as where there is one, the coefficient is undefined: equal maps agree, others do not.
    kendall = float(np.asarray(kendalltau(*largest))[0])
    kendall = float(np.array_equal(largest[0], largest[1])) if np.isnan(kendall) else kendall
    return [
        {
            "layer": layer,
            "rule": rule,
            "steps": int(result.steps[number, layer]),
            "error": float(error[layer]),
            "size": float(size[layer]),
            "gap": abs(float(gap[layer])),
            "jaccard": _jaccard(scores[layer], truth[layer], top_k),
            "kendall": kendall,
            "unconverged": bool(result.unconverged[number, layer]),
        }
        for layer in range(len(truth))
    ]


def _jaccard(scores: Tensor, truth: Tensor, top_k: int) -> float:
    """Shared part of the `top_k` largest edges of a layer."""
    k = min(top_k, truth.numel())
    ours, theirs = (set(torch.topk(values.flatten(), k).indices.tolist()) for values in (scores, truth))
    return len(ours & theirs) / len(ours | theirs)
