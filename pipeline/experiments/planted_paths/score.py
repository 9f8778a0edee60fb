"""Do scores tell the edges that carry the label from those that lead nowhere? (docs/method.md, "Planted paths")"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attattr.copies import frozen
from attattr.examples import inputs_of
from attattr.faithfulness import masked_edges
from attattr.knockouts import knock_outs, lost
from pipeline.experiments.planted_paths.plant import kinds
from pipeline.measuring.agreement import auroc
from pipeline.measuring.edge_maps import edge_maps, scores_at
from pipeline.terminal.progress import progress
from pipeline.values.columns import PAIRS
from pipeline.values.edge_methods import EDGE_METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from attattr.examples import Example
    from attattr.inputs import Inputs
    from attattr.output import Output
    from pipeline.experiments.planted_paths.plant import Circuit, Design

KNOCK_OUT = "knock_out"
OUTPUTS: tuple[Output, ...] = ("probability", "margin")


def outcomes(
    model: PreTrainedModel, circuit: Circuit, examples: Sequence[Example], *, design: Design, seed: int, kept: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """How well each score tells the two kinds of edges apart; what the paths lose; the scores of the first examples.

    Rows of the first are an example and method each: AUROC, and the share of carrying edges among as many with the
    largest absolute score. Of the second an example and output: `single`, the sum of what it loses without each of the
    last layer's carrying edges alone, and `together`, what without all of them. Of the third, for `kept` examples, an
    edge and method each, scores relative to the largest.
    """
    edges = kinds(circuit)
    carries = np.array([kind for _, kind in edges])
    found, losses, drawn = [], [], []
    for number, example in enumerate(progress(examples, description=design)):
        inputs = inputs_of(model, [example])
        known = {"design": design, "example_id": example.example_id}
        logits, whole = knock_outs(model, inputs, per_head=False)
        target = whole.argmax()
        effects = {output: lost(logits, whole, target=target, output=output) for output in OUTPUTS}
        maps = scores_at(edge_maps(model, inputs, EDGE_METHODS), level=PAIRS, seed=seed, name=example.example_id)
        maps[KNOCK_OUT] = effects["margin"].numpy()
        for method, values in maps.items():
            scores = np.array([values[layer, 0, query, key] for (layer, query, key), _ in edges])
            found.append(
                known | {"method": method, "auroc": auroc(scores, carries), "precision": precision(scores, carries)}
            )
            if number < kept:
                largest = float(np.abs(scores).max()) or 1.0
                drawn += [
                    known
                    | {"method": method, "layer": layer, "query": query, "key": key, "carries": kind}
                    | {"score": float(score) / largest}
                    for ((layer, query, key), kind), score in zip(edges, scores, strict=True)
                ]
        last = [edge for edge, kind in edges if kind and edge[0] == len(circuit.allowed) - 1]
        for output in OUTPUTS:
            single = sum(float(effects[output][layer, 0, query, key]) for layer, query, key in last)
            together = float(lost(_without(model, inputs, circuit, last), whole, target=target, output=output)[0])
            losses.append(known | {"output": output, "single": single, "together": together})
    return found, losses, drawn


def precision(scores: NDArray[np.float64], carries: NDArray[np.bool_]) -> float:
    """Share of carrying edges among as many with the largest absolute scores."""
    largest = np.argsort(-np.abs(scores), kind="stable")[: carries.sum()]
    return float(carries[largest].mean())


def _without(
    model: PreTrainedModel, inputs: Inputs, circuit: Circuit, edges: Sequence[tuple[int, int, int]]
) -> torch.Tensor:
    mask = torch.ones(1, *circuit.allowed.shape, dtype=torch.bool)
    for layer, query, key in edges:
        mask[0, layer, query, key] = False
    with torch.no_grad():
        return masked_edges(frozen(model), mask.to(model.device))(**inputs.arguments()).logits
