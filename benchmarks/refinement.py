"""What refinement of the path brings over doubling the steps: nodes, and who converges.

Run: python -m benchmarks.refinement    (1 thread: OMP_NUM_THREADS=1)

Doubling alone (2, 4, ..., 64 Clenshaw-Curtis steps, as before refinement) is done here by runs of a fixed number of
steps and the same two conditions. The true error is that of the scores against `auto` at a tolerance of 1e-5 in
float64.
"""

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from attattr.attribution import Attribution
from attattr.refine import FLOOR
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.workloads import FULL, NAMES, PLANTED, Workload, workload

TOLERANCE, DOUBLED = 0.01, (2, 4, 8, 16, 32, 64)


def main() -> None:
    """Measure every task, print the table, write the results."""
    description = parser(__doc__)
    description.add_argument("--tasks", nargs="+", choices=[name for name in NAMES if name != FULL], default=PLANTED)
    description.add_argument("--count", type=int, default=100, help="examples per task")
    arguments = parse(description, {"count": 8})
    rows: list[dict[str, Any]] = []
    for name in arguments.tasks:
        progress(name)
        rows += compare(workload(name, count=arguments.count, seed=arguments.seed, device=arguments.device))
    publish("refinement", {"rows": rows}, {"Nodes, estimates that do not converge, errors": table(rows)}, arguments)


def compare(work: Workload) -> list[dict[str, Any]]:
    """A row per layer, of `auto` beside doubling alone."""
    auto, exact = work.attribute(tolerance=TOLERANCE), replace(work, model=copy.deepcopy(work.model).double())
    fine = exact.attribute(tolerance=1e-5, max_steps=4096)
    steps, unconverged = doubled(work)
    truth = fine.attribution
    error = (auto.attribution - truth).abs().sum(dim=(2, 3, 4)) / _size(fine)
    rows = []
    for layer in range(error.shape[1]):
        own = {
            "task": work.name,
            "layer": layer + 1,
            "nodes, doubled": float((steps[:, layer] + 1).double().mean()),
            "nodes, refined": float((auto.steps[:, layer] + 1).double().mean()),
            "most": int(auto.steps[:, layer].max()) + 1,
            "unconverged, doubled": f"{float(unconverged[:, layer].double().mean()):.1%}",
            "unconverged, refined": f"{float(auto.unconverged[:, layer].double().mean()):.1%}",
            "largest error, refined": float(error[:, layer].max()),
            "its own estimate / error": float((auto.last_change / error.clamp(min=1e-9))[:, layer].quantile(0.05)),
            "reference unconverged": int(fine.unconverged[:, layer].sum()),
        }
        rows.append(own)
    return rows


def doubled(work: Workload) -> tuple[Tensor, Tensor]:
    """Steps at which each example and layer would have stopped, and whether it would not have converged."""
    steps = torch.zeros(0)
    unconverged = torch.ones(0, dtype=torch.bool)
    previous: Attribution | None = None
    for number in DOUBLED:
        result = work.attribute(steps=number)
        if previous is None:
            steps = torch.full_like(result.steps, number)
            unconverged = torch.ones_like(result.unconverged)
        else:
            change = (result.attribution - previous.attribution).abs().sum(dim=(2, 3, 4)) / _size(result)
            gap = result.completeness_gap.abs() / _size(result)
            steps[unconverged] = number
            unconverged &= (change > TOLERANCE) | (gap > TOLERANCE)
        previous = result
    return steps, unconverged


def _size(result: Attribution) -> Tensor:
    return result.attribution.abs().sum(dim=(2, 3, 4)).clamp(min=FLOOR)


if __name__ == "__main__":
    main()
