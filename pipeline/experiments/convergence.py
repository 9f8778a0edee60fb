"""E7: the error of every quadrature rule and number of steps against a much finer integral in float64."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import Tensor
from transformers import PreTrainedModel

from pipeline.attattr.attribution import Attribution, attribute
from pipeline.attattr.batching import TokenBudget
from pipeline.data.examples import Example, collate
from pipeline.run.schema import Convergence
from pipeline.training.predict import model_inputs

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
    exact = copy.deepcopy(model).double()
    rows: list[dict[str, Any]] = []
    for example in examples:

        def run(
            chosen: PreTrainedModel, steps: int | str, rule: str, target: Any, example: Example = example
        ) -> Attribution:
            batch = collate([example], pad_id=model.config.pad_token_id or 0).to(model.device)
            return attribute(
                chosen,
                **model_inputs(model, batch).arguments(),
                target=target,
                steps=steps,  # type: ignore[arg-type]
                rule=rule,  # type: ignore[arg-type]
                tolerance=settings.tolerance,
                max_steps=settings.max_steps,
                token_budget=token_budget,
            )

        # The class that the model itself predicts, so that all runs explain the same.
        fine = run(exact, settings.reference_steps, "gauss_legendre", "predicted")
        half = run(exact, settings.reference_steps // 2, "gauss_legendre", fine.target)
        runs = [(REFERENCE, settings.reference_steps // 2, half)]
        runs += [(rule, m, run(model, m, rule, fine.target)) for rule in settings.rules for m in settings.steps]
        runs.append((AUTO, 0, run(model, "auto", "clenshaw_curtis", fine.target)))
        for rule, steps, result in runs:
            rows += _compare(result, fine, example, rule=rule, steps=steps, top_k=settings.top_k)
    return rows


def _compare(
    result: Attribution, fine: Attribution, example: Example, *, rule: str, steps: int, top_k: int
) -> list[dict[str, Any]]:
    scores, truth = result.attribution[0].double(), fine.attribution[0]
    error, size = (scores - truth).abs().sum(dim=(1, 2, 3)), truth.abs().sum(dim=(1, 2, 3))
    largest = [values.amax(dim=(2, 3)).flatten().cpu().numpy() for values in (scores, truth)]
    # Where all heads tie, as where there is one, the coefficient is undefined: equal maps agree, others do not.
    kendall = float(np.asarray(kendalltau(*largest))[0])
    kendall = float(np.array_equal(largest[0], largest[1])) if np.isnan(kendall) else kendall
    return [
        {
            "example_id": example.example_id,
            "layer": layer,
            "rule": rule,
            "steps": steps if rule != AUTO else int(result.steps[0, layer]),
            "error": float(error[layer]),
            "size": float(size[layer]),
            "gap": abs(float(result.completeness_gap[0, layer])),
            "jaccard": _jaccard(scores[layer], truth[layer], top_k),
            "kendall": kendall,
            "unconverged": bool(result.unconverged[0, layer]),
        }
        for layer in range(len(truth))
    ]


def _jaccard(scores: Tensor, truth: Tensor, top_k: int) -> float:
    """Shared part of the `top_k` largest edges of a layer."""
    k = min(top_k, truth.numel())
    ours, theirs = (set(torch.topk(values.flatten(), k).indices.tolist()) for values in (scores, truth))
    return len(ours & theirs) / len(ours | theirs)
