"""The error of every quadrature rule and number of steps against a much finer integral in float64."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.attribution import Attribution, attribute
from pipeline.attattr.batching import TokenBudget
from pipeline.predicting.examples import Example, collate
from pipeline.predicting.predict import model_inputs

if TYPE_CHECKING:
    from pipeline.values.schema import Convergence, Rule

REFERENCE = "reference"  # half of its steps, against all of them: how far the reference itself can be trusted
AUTO = "auto"


def error_rows(
    model: PreTrainedModel, examples: Sequence[Example], *, settings: Convergence, token_budget: TokenBudget
) -> list[dict[str, Any]]:
    """One row per example, layer, rule and number of steps; the predicted class's probability on the `layer` path.

    `size` is the reference's absolute sum ||Attr||_1, `error` ||Attr_m - Attr||_1 in the same unit, `gap` the
    |completeness gap|, `jaccard` the overlap of the `top_k` largest edges and `kendall` the rank correlation of
    the layers' heads by their largest score (the same in every layer's row: all layers' heads are ranked together).
    """
    batch = collate(examples, pad_id=model.config.pad_token_id or 0).to(model.device)

    def run(chosen: PreTrainedModel, steps: int | Literal["auto"], rule: Rule, target: Any) -> Attribution:
        return attribute(
            chosen,
            **model_inputs(model, batch).arguments(),
            target=target,
            steps=steps,
            rule=rule,
            tolerance=settings.tolerance,
            max_steps=settings.max_steps,
            token_budget=token_budget,
        )

    # The class that the model itself predicts, so that all runs explain the same.
    exact, half = copy.deepcopy(model).double(), settings.reference_steps // 2
    fine = run(exact, settings.reference_steps, "gauss_legendre", "predicted")

    def compare(result: Attribution, rule: str, steps: int) -> list[dict[str, Any]]:
        """Compared at once, so that one result is held at a time."""
        parts = [
            _compare(result, fine, number, len(example), rule=rule, steps=steps, top_k=settings.top_k)
            for number, example in enumerate(examples)
        ]
        return [{"example_id": e.example_id} | row for e, rows in zip(examples, parts, strict=True) for row in rows]

    rows = compare(run(exact, half, "gauss_legendre", fine.target), REFERENCE, half)
    for rule in settings.rules:
        for steps in settings.steps:
            rows += compare(run(model, steps, rule, fine.target), rule, steps)
    return rows + compare(run(model, "auto", "clenshaw_curtis", fine.target), AUTO, 0)


def _compare(
    result: Attribution, fine: Attribution, number: int, n: int, *, rule: str, steps: int, top_k: int
) -> list[dict[str, Any]]:
    """The layers' rows of example `number` of the batch, `n` tokens long."""
    scores, truth = (part.attribution[number, :, :, :n, :n].double() for part in (result, fine))
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
            "steps": steps if rule != AUTO else int(result.steps[number, layer]),
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
