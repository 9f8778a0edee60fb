"""What bfloat16 costs in accuracy, next to what the quadrature costs: it may be the default where it costs less.

Run: python -m benchmarks.precision    (1 thread: OMP_NUM_THREADS=1)

bfloat16 is compared with float32 at the same nodes, so that rounding alone differs. The quadrature's error is that of
float32 against the converged integral in float64: of `auto` at its default tolerance, and of the released code's 20
left nodes. Tau is Kendall's, over all heads ranked by their largest score, averaged over the examples.
"""

import argparse
from typing import Any

from benchmarks.accuracy import converged, edge_error, hardest, head_tau, pair_errors
from benchmarks.contestants import LEFT
from benchmarks.models import TASKS
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.timing import Contestant, measure, ratio
from benchmarks.workloads import FULL, NAMES, PLANTED, Workload, workload

TOLERANCE = 0.01


def main() -> None:
    """Measure every task, print the table, write the results."""
    description = parser(__doc__)
    description.add_argument("--tasks", nargs="+", choices=NAMES, default=[*PLANTED, *TASKS, FULL])
    description.add_argument("--count", type=int, default=24, help="examples per task")
    description.add_argument("--full-count", type=int, default=8, help="examples of 128 tokens")
    description.add_argument("--steps", type=int, default=8, help="Clenshaw-Curtis steps at which rounding is measured")
    description.add_argument("--reference-steps", type=int, default=64, help="Gauss-Legendre nodes of the reference")
    quick = {"tasks": ["negation", "sst2"], "count": 2, "reference_steps": 16, "repetitions": 2}
    arguments = parse(description, quick)
    rows = []
    for name in arguments.tasks:
        progress(name)
        count = arguments.full_count if name == FULL else arguments.count
        rows.append(compare(workload(name, count=count, seed=arguments.seed, device=arguments.device), arguments))
    publish("precision", {"rows": rows}, {"Relative edge errors, and tau of the heads": table(rows)}, arguments)


def compare(work: Workload, arguments: argparse.Namespace) -> dict[str, Any]:
    """The row of one task."""
    nodes = {"rule": "clenshaw_curtis", "steps": arguments.steps}
    auto, left = work.attribute(), work.attribute(**LEFT)
    exact = converged(work, hardest=hardest(auto), steps=arguments.reference_steps, tolerance=TOLERANCE)
    full, half = work.attribute(**nodes), work.attribute(**nodes, precision="bfloat16")
    both = work.attribute(precision="bfloat16")
    contestants = {
        "full": Contestant(lambda: work.attribute(**nodes)),
        "half": Contestant(lambda: work.attribute(**nodes, precision="bfloat16")),
    }
    seconds = measure(contestants, repetitions=arguments.repetitions, device=arguments.device)
    rounding, quadrature = edge_error(half.attribution, full.attribution), edge_error(auto.attribution, exact.scores)
    return {
        "task": work.name,
        "tokens": work.mean_tokens,
        "bfloat16's error": rounding,
        "its worst layer": float(pair_errors(half.attribution, full.attribution).max()),
        "its tau": head_tau(half.attribution, full.attribution),
        "auto's error": quadrature,
        "auto's tau": head_tau(auto.attribution, exact.scores),
        "left 20's error": edge_error(left.attribution, exact.scores),
        "left 20's tau": head_tau(left.attribution, exact.scores),
        "auto in bfloat16": edge_error(both.attribution, exact.scores),
        "its unconverged": f"{int(both.unconverged.sum())} of {both.unconverged.numel()}",
        "times faster": str(ratio(seconds, "full", "half")),
        "below auto's": rounding < quadrature,
        "below the tolerance": rounding < TOLERANCE,
        "reference nodes": exact.steps,
    }


if __name__ == "__main__":
    main()
