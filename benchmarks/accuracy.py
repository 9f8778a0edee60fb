"""How far scores are from the exact integral: the reference and the distances to it."""

import copy
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from scipy.stats import kendalltau
from torch import Tensor

from attattr import attribution
from attattr.integrate import FLOOR
from benchmarks.models import ROOT
from benchmarks.workloads import Workload

STORE = ROOT / "references"
MOST = 1024  # nodes


def edge_error(scores: Tensor, reference: Tensor) -> float:
    """Sum of |scores - reference| over all edges, layers and examples, relative to the sum of |reference|."""
    reference = reference.to(scores.device)
    return float((scores.double() - reference).abs().sum() / reference.abs().sum())


def pair_errors(scores: Tensor, reference: Tensor) -> Tensor:
    """The same for every example and layer, `(example, layer)`; tiny scores count as the engine counts them."""
    reference = reference.to(scores.device)
    size = reference.abs().sum(dim=(2, 3, 4)).clamp(min=FLOOR)
    return (scores.double() - reference).abs().sum(dim=(2, 3, 4)) / size


def head_tau(scores: Tensor, reference: Tensor) -> float:
    """Kendall's tau of all heads' importance: the largest score of a head, averaged over the examples."""
    importance = [part.double().amax(dim=(3, 4)).mean(dim=0).flatten().cpu() for part in (scores, reference)]
    return float(kendalltau(*importance).statistic)


@dataclass(frozen=True)
class Reference:
    """Scores that stand for the exact integral."""

    scores: Tensor  # (example, layer, head, query, key), float64
    steps: int  # Gauss-Legendre nodes
    change: float  # the largest relative change of a layer's scores at twice the nodes, over the examples checked


def converged(work: Workload, *, hardest: list[int], steps: int, tolerance: float) -> Reference:
    """Scores in float64 by `steps` Gauss-Legendre nodes, doubled until they suffice for the `hardest` examples.

    They suffice where twice as many change no layer's scores by more than a tenth of `tolerance`.
    """
    few = work.take(hardest)
    n = few.inputs.input_ids.shape[1]
    while steps < MOST:
        scores = _scores(work, steps)
        change = float(pair_errors(scores[hardest][..., :n, :n], _scores(few, 2 * steps)).max())
        if change <= tolerance / 10:
            return Reference(scores, steps, change)
        steps *= 2
    raise RuntimeError(f"{work.name}: {MOST} nodes do not suffice for a reference")


def hardest(result: attribution.Attribution, count: int = 4) -> list[int]:
    """The examples for which the last two estimates of `auto` differ most."""
    return result.last_change.amax(dim=1).topk(min(count, len(result.steps))).indices.tolist()


def _scores(work: Workload, steps: int) -> Tensor:
    """Kept in a file, as it takes longer than all that is measured; named by everything it depends on."""
    path = STORE / f"{_fingerprint(work, steps)}.pt"
    if path.is_file():
        return torch.load(path, weights_only=True)
    double = replace(work, model=copy.deepcopy(work.model).double())
    scores = double.attribute(rule="gauss_legendre", steps=steps).attribution.cpu()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(scores, path)
    return scores


def _fingerprint(work: Workload, steps: int) -> str:
    """Of the engine's source, the weights, the inputs and the number of nodes."""
    digest = hashlib.sha256(str(steps).encode())
    for source in sorted(Path(attribution.__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    inputs = [work.inputs.input_ids, work.inputs.attention_mask, work.inputs.token_type_ids, work.target]
    for tensor in [*work.model.state_dict().values(), *inputs]:
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:24]
