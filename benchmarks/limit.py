"""How near the engine is to the limit: its matrix operations per second against those of plain linear layers.

Run: python -m benchmarks.limit    (1 thread: OMP_NUM_THREADS=1)

The operations are those that the exact identities leave (benchmarks/operations.py). The limit is what a plain
`torch.nn.Linear` from hidden to feed-forward size, and one back, reach on as many tokens at a time as the engine's
chunks have, without gradients, timed in turn with the engine. A profile tells where the rest of the time goes.
"""

import argparse
import time
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from attattr.batching import group_by_length, resolve_token_budget
from attattr.quadrature import quadrature
from benchmarks.operations import Shape, counted
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.timing import Contestant, Spread, measure
from benchmarks.workloads import FULL, NAMES, Workload, workload

TARGET = 0.7
RULES = (("gauss_legendre", 3), ("right", 20))
GROUPS = {
    "attention": ("scaled_dot_product", "flash_attention", "efficient_attention", "softmax", "masked_fill"),
    "gelu": ("gelu",),
    "norms": ("layer_norm",),
    "matrix products": ("::mm", "::addmm", "::bmm", "::baddbmm", "::linear", "::matmul", "::einsum", "gemm"),
    "copies": ("copy", "clone", "contiguous", "::cat", "index", "repeat", "empty", "zeros", "fill_", "zero_", "emcpy"),
}
REST, OUTSIDE = "other operators", "outside operators"


def main() -> None:
    """Measure every task, print the tables, write the results."""
    description = parser(__doc__)
    description.add_argument("--tasks", nargs="+", choices=NAMES, default=["sst2", "rte", FULL])
    description.add_argument("--count", type=int, default=24, help="examples per task")
    description.add_argument("--full-count", type=int, default=8, help="examples of 128 tokens")
    arguments = parse(description, {"tasks": ["sst2"], "count": 3, "repetitions": 2})
    rows, shares = [], []
    for name in arguments.tasks:
        count = arguments.full_count if name == FULL else arguments.count
        work = workload(name, count=count, seed=arguments.seed, device=arguments.device)
        for rule, steps in RULES:
            progress(f"{name}: {rule} {steps}")
            rows.append(fraction(work, rule, steps, arguments))
            shares.append({"task": name, "rule": f"{rule} {steps}"} | time_shares(work, rule, steps, arguments.device))
    tables = {
        "Operations per second, of those of plain linear layers; median (smallest..largest)": table(rows),
        "Share of the time by operator": table([_percent(row) for row in shares]),
    }
    publish("limit", {"fractions": rows, "time_shares": shares}, tables, arguments)


def _percent(row: dict[str, Any]) -> dict[str, str]:
    return {key: f"{value:.1%}" if isinstance(value, float) else value for key, value in row.items()}


def chunks(work: Workload, rule: Any, steps: int) -> list[int]:
    """Tokens of each pass through the layers above one scaled attention, as the engine cuts them."""
    nodes, n = quadrature(rule, steps)[0].tolist(), work.inputs.input_ids.shape[1]
    budget = resolve_token_budget("auto", work.model, n=n)
    lengths = work.inputs.lengths.tolist()
    sizes = []
    for group in group_by_length(lengths, copies=len(nodes), token_budget=budget):
        area = len(group) * max(lengths[number] for number in group)
        at_once = max(1, budget // area)
        pieces = [nodes[first : first + at_once] for first in range(0, len(nodes), at_once)]
        sizes += [area * sum(node != 1 for node in piece) for piece in pieces if piece != [1]]
    return sizes


def fraction(work: Workload, rule: Any, steps: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """The engine's operations per second, relative to those of plain linear layers."""
    shape, device, sizes = Shape.of(work.model), arguments.device, chunks(work, rule, steps)
    result = work.attribute(rule=rule, steps=steps)
    operations = counted(work.model, result, work.inputs.lengths.tolist(), rule=rule, auto=False)
    up = torch.nn.Linear(shape.hidden, shape.intermediate, device=device)
    down = torch.nn.Linear(shape.intermediate, shape.hidden, device=device)
    inputs = [torch.randn(size, shape.hidden, device=device) for size in sizes]

    @torch.no_grad()
    def plain() -> None:
        for x in inputs:
            down(up(x))

    plain()
    contestants = {
        "engine": Contestant(lambda: work.attribute(rule=rule, steps=steps)),
        "linear": Contestant(plain),
    }
    seconds = measure(contestants, repetitions=arguments.repetitions, device=device)
    engine = [operations / taken for taken in seconds["engine"]]
    limit = [shape.feed_forward(sum(sizes)) / taken for taken in seconds["linear"]]
    spread = Spread.of([a / b for a, b in zip(engine, limit, strict=True)])
    return {
        "task": work.name,
        "tokens": work.mean_tokens,
        "rule": f"{rule} {steps}",
        "tokens of a chunk": f"{min(sizes)}..{max(sizes)}",
        "operations, 10^9": operations / 1e9,
        "engine, 10^9 per second": str(Spread.of([value / 1e9 for value in engine])),
        "linear, 10^9 per second": str(Spread.of([value / 1e9 for value in limit])),
        "fraction": str(spread),
        "target": TARGET,
        "met": spread.median >= TARGET,
    }


def time_shares(work: Workload, rule: Any, steps: int, device: str) -> dict[str, float]:
    """The share of the time that each group of operators takes for itself, of one profiled run.

    On the CPU the whole is the run's time, and what no operator took is Python and the profiler; on CUDA the whole is
    the time of all kernels.
    """
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "cuda" else [])]
    with profile(activities=activities) as recorded:
        start = time.perf_counter()
        work.attribute(rule=rule, steps=steps)
        whole = (time.perf_counter() - start) * 1e6
    seconds = dict.fromkeys([*GROUPS, REST], 0.0)
    for event in recorded.key_averages():
        taken = event.self_device_time_total if device == "cuda" else event.self_cpu_time_total
        group = next((name for name, parts in GROUPS.items() if any(part in event.key for part in parts)), REST)
        seconds[group] += taken
    total = sum(seconds.values())
    if device == "cpu":
        seconds[OUTSIDE] = max(0.0, whole - total)
    return {name: taken / sum(seconds.values()) for name, taken in seconds.items()}


if __name__ == "__main__":
    main()
