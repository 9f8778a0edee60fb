"""Do scores tell the edges that carry the label from those that lead nowhere? (docs/method.md, "Planted paths")"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attattr.faithfulness import masked_edges
from attattr.knockouts import knock_outs
from attattr.output import evaluate
from attattr.prefix import frozen
from pipeline.experiments.planted_paths.plant import kinds
from pipeline.experiments.truth.knock_outs import agreement, edge_maps, edge_scores
from pipeline.predicting.examples import collate
from pipeline.predicting.predict import model_inputs
from pipeline.terminal.progress import progress
from pipeline.values.columns import PAIRS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from attattr.inputs import Inputs
    from pipeline.experiments.planted_paths.plant import Circuit, Design
    from pipeline.predicting.examples import Example

KNOCK_OUT = "knock_out"
OUTPUTS = ("probability", "margin")


def outcomes(
    model: PreTrainedModel, circuit: Circuit, examples: Sequence[Example], *, design: Design, seed: int, shown: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """How well each score tells the two kinds of edges apart; what the paths lose; the scores of the first examples.

    Rows of the first are an example and method each: AUROC, and the share of carrying edges among as many with the
    largest absolute score. Of the second an example and output: `single`, the sum of what it loses without each of the
    last layer's carrying edges alone, and `together`, what without all of them. Of the third, for `shown` examples, an
    edge and method each, scores relative to the largest.
    """
    edges = kinds(circuit)
    carries = np.array([kind for _, kind in edges])
    found, losses, drawn = [], [], []
    for number, example in enumerate(progress(examples, description=design)):
        inputs = model_inputs(model, collate([example], pad_id=0).to(model.device))
        known = {"design": design, "example_id": example.example_id}
        logits, whole = knock_outs(model, inputs, per_head=False)
        target = whole.argmax()
        effects = {
            output: _loss(whole, logits.flatten(0, 3), target, output).view(logits.shape[:-1]) for output in OUTPUTS
        }
        maps = edge_scores(edge_maps(model, inputs), level=PAIRS, seed=seed, name=example.example_id)
        maps[KNOCK_OUT] = effects["margin"].numpy()
        for method, values in maps.items():
            scores = np.array([values[layer, 0, query, key] for (layer, query, key), _ in edges])
            rates = agreement(scores, carries.astype(np.float64), top_k=int(carries.sum()), least=0.5)
            found.append(known | {"method": method, "auroc": rates["auroc"], "precision": precision(scores, carries)})
            if number < shown:
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
            together = float(_loss(whole, _without(model, inputs, circuit, last), target, output)[0])
            losses.append(known | {"output": output, "single": single, "together": together})
    return found, losses, drawn


def precision(scores: NDArray[np.float64], carries: NDArray[np.bool_]) -> float:
    """Share of carrying edges among as many with the largest absolute scores."""
    largest = np.argsort(-np.abs(scores), kind="stable")[: carries.sum()]
    return float(carries[largest].mean())


def _loss(whole: torch.Tensor, logits: torch.Tensor, target: torch.Tensor, output: Any) -> torch.Tensor:
    """What the class's output loses, `(row,)`, in float64 on the CPU."""
    classes = target.expand(len(logits))
    lost = evaluate(whole[None], target[None], output=output) - evaluate(logits, classes, output=output)
    return lost.double().cpu()


def _without(
    model: PreTrainedModel, inputs: Inputs, circuit: Circuit, edges: Sequence[tuple[int, int, int]]
) -> torch.Tensor:
    mask = torch.ones(1, *circuit.allowed.shape, dtype=torch.bool)
    for layer, query, key in edges:
        mask[0, layer, query, key] = False
    with frozen(model), torch.no_grad(), masked_edges(model, mask.to(model.device)):
        return model(**inputs.arguments()).logits
