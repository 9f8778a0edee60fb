"""The engine against the paper's released code and Captum: time at the same rule and at equal error, and `auto`.

Run: python -m benchmarks.speed    (1 thread: OMP_NUM_THREADS=1)

Each contestant attributes the same seeded dev sentences of real fine-tuned models, in turn, in every repetition. The
released code and Captum pad to 128 tokens, so their time does not depend on the sentence and a few are enough.
*Equal error* is the cheapest rule whose error is not above that of the released code's 20 left nodes.
"""

import argparse
from functools import partial
from typing import Any

from attattr.attribution import Attribution
from benchmarks.accuracy import Reference, converged, hardest, pair_errors
from benchmarks.contestants import (
    AUTO,
    BASELINES,
    EQUAL,
    HALF,
    SAME,
    STEPS,
    Entry,
    attributed,
    check_agreement,
    engine_entries,
)
from benchmarks.models import TASKS
from benchmarks.report import parse, parser, progress, publish, table
from benchmarks.timing import Contestant, Seconds, Spread, measure, ratio
from benchmarks.workloads import FULL, NAMES, Workload, workload

TOLERANCE = 0.01
ONE, FIXED = "equal error, one a call", f"right {STEPS}"
TARGETS = {
    ("sst2", EQUAL): 45.0,
    ("rte", EQUAL): 20.0,
    ("sst2", SAME): 5.5,
    ("rte", SAME): 2.6,
    (FULL, SAME): 1.15,
    ("sst2", EQUAL + HALF): 70.0,
    ("rte", EQUAL + HALF): 30.0,
}


def main() -> None:
    """Measure every task, print the tables, write the results."""
    description = parser(__doc__)
    description.add_argument("--tasks", nargs="+", choices=NAMES, default=[*TASKS, FULL])
    description.add_argument("--count", type=int, default=12, help="examples per task whose errors are measured")
    description.add_argument("--timed-count", type=int, default=96, help="examples the engine is timed on")
    description.add_argument("--full-count", type=int, default=8, help="examples of 128 tokens")
    description.add_argument("--naive-count", type=int, default=3, help="examples that the baselines are timed on")
    description.add_argument("--reference-steps", type=int, default=64, help="Gauss-Legendre nodes of the reference")
    description.add_argument("--bfloat16", action="store_true", help="the engine in bfloat16 too")
    quick = {"tasks": ["sst2"], "count": 2, "timed_count": 2, "naive_count": 1, "repetitions": 2, "reference_steps": 16}
    arguments = parse(description, quick)
    results = {}
    for name in arguments.tasks:
        count = arguments.full_count if name == FULL else arguments.count
        timed_count = max(count, arguments.full_count if name == FULL else arguments.timed_count)
        seeded = partial(workload, name, seed=arguments.seed, device=arguments.device)
        work, timed = seeded(count=count), seeded(count=timed_count)
        results[name] = compare(work, timed, arguments)
    tables = {
        f"Times faster than the released code ({STEPS} left nodes), median (smallest..largest)": table(
            [row for result in results.values() for row in result["rows"]]
        ),
        f"`auto` at tolerance {TOLERANCE} against {STEPS} right nodes of the same engine": table(
            [row for result in results.values() for row in result["auto"]]
        ),
    }
    publish("speed", {"tasks": results}, tables, arguments)


def compare(work: Workload, timed: Workload, arguments: argparse.Namespace) -> dict[str, Any]:
    """One task: errors on `work` first, which also warms every contestant up, then times on `timed`.

    The engine batches examples of similar length, so it is timed on as many as make full batches.
    """
    progress(f"{work.name}: reference")
    auto = work.attribute()
    reference = converged(work, hardest=hardest(auto), steps=arguments.reference_steps, tolerance=TOLERANCE)
    entries = engine_entries(work, reference.scores, halves=[{}, {"precision": "bfloat16"}][: 1 + arguments.bfloat16])
    singles = work.singles(arguments.naive_count)
    check_agreement(singles, entries[SAME].result.attribution)
    progress(f"{work.name}: times")
    contestants: dict[str, Contestant] = {}
    for name, method in BASELINES.items():
        once = None if name == "naive" else 1
        contestants[name] = Contestant(partial(attributed, singles, method), len(singles), once)
    alone = work.singles(len(work))
    contestants[ONE] = Contestant(lambda: [one.attribute(**entries[EQUAL].settings) for one in alone], len(work))
    contestants[FIXED] = Contestant(lambda: timed.attribute(rule="right", steps=STEPS), len(timed), 2)
    for name, entry in entries.items():
        contestants[name] = Contestant(partial(timed.attribute, **entry.settings), len(timed))
    seconds = measure(contestants, repetitions=arguments.repetitions, device=arguments.device)
    return {
        "seconds_per_example": seconds,
        "mean_tokens": timed.mean_tokens,
        "examples": len(work),
        "timed_examples": len(timed),
        "rows": speed_rows(timed, seconds, entries),
        "auto": [auto_row(work, seconds, name, entries[name].result, reference) for name in entries if AUTO in name],
    }


def speed_rows(work: Workload, seconds: Seconds, entries: dict[str, Entry]) -> list[dict[str, Any]]:
    """The first table's rows of one task."""
    rows = []
    for name in seconds:
        if name == FIXED:
            continue
        entry = entries.get(EQUAL if name == ONE else name, entries[SAME])
        speedup, target = ratio(seconds, "naive", name), TARGETS.get((work.name, name))
        rule = "auto" if AUTO in name else f"{entry.settings['rule']} {entry.settings['steps']}"
        rows.append(
            {
                "task": work.name,
                "tokens": work.mean_tokens,
                "contestant": name,
                "rule": rule,
                "seconds per example": str(Spread.of(seconds[name])),
                "times faster": None if name == "naive" else str(speedup),
                "edge error": entry.error,
                "target": target,
                "met": None if target is None else speedup.median >= target,
            }
        )
    return rows


def auto_row(work: Workload, seconds: Seconds, name: str, result: Attribution, ref: Reference) -> dict[str, Any]:
    """The second table's row of one task."""
    within = (pair_errors(result.attribution, ref.scores) <= TOLERANCE).double().mean()
    return {
        "task": work.name,
        "contestant": name,
        "cost, of right 20": str(ratio(seconds, name, FIXED)),
        "layers within the tolerance": f"{float(within):.1%}",
        "worst layer's error": float(pair_errors(result.attribution, ref.scores).max()),
        "unconverged": f"{int(result.unconverged.sum())} of {result.unconverged.numel()}",
        "mean steps, by layer": " ".join(f"{steps:.1f}" for steps in result.steps.double().mean(dim=0).tolist()),
        "reference nodes": ref.steps,
        "reference's change": ref.change,
    }


if __name__ == "__main__":
    main()
