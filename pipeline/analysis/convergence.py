"""Statistics of the convergence experiment (docs/method.md, "Convergence")."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.intervals import Interval
from pipeline.analysis.verdicts import decide
from pipeline.values.schema import Convergence

LEVELS = (0.01, 0.001, 0.0001)  # relative edge errors for which the steps needed are listed
PAPER = ("right", 20)  # the paper's rule and number of steps
FLOOR = 1e-4  # as in `pipeline.attattr.integrate`: smaller layers' errors are compared with it

Rows = Sequence[dict[str, Any]]


def curve_rows(rows: Rows, *, task: str, seed: int) -> list[dict[str, Any]]:
    """One row per rule and number of steps, over all examples and layers; `auto` has its mean number of steps.

    `error` is the pooled relative edge error: the errors' sum over the sum of the scores' absolute values. `median`,
    `q95` and `worst` are quantiles over (example, layer) pairs of the relative error; `gap` is the mean gap.
    """
    curves = []
    for rule, steps, part in _groups(rows):
        relative = relative_errors(part)
        curves.append(
            {
                "task": task,
                "seed": seed,
                "rule": rule,
                "steps": steps,
                "n": len({row["example_id"] for row in part}),
                "error": _pooled(part),
                "median": float(np.median(relative)),
                "q95": float(np.quantile(relative, 0.95)),
                "worst": float(relative.max()),
                "gap": float(np.mean([row["gap"] for row in part])),
                "jaccard": float(np.mean([row["jaccard"] for row in part])),
                "kendall": float(np.mean([row["kendall"] for row in part])),
            }
        )
    return curves


def summary(rows: Rows, *, settings: Convergence) -> dict[str, Any]:
    """Steps needed for each level of error, what `auto` reached, and whether the paper's 20 steps suffice.

    The steps needed are the fewest from which on no larger number of the grid exceeds the level; None if there are
    none. Claim P1 is decided by the interval of the pooled error of 20 right-rule steps, a bootstrap over examples.
    """
    groups = {(rule, steps): part for rule, steps, part in _groups(rows)}
    needed = {
        rule: {f"{level:g}": _needed({m: _pooled(groups[rule, m]) for m in settings.steps}, level) for level in LEVELS}
        for rule in settings.rules
    }
    (_, auto), (_, reference) = (
        next((key, part) for key, part in groups.items() if key[0] == name) for name in ("auto", "reference")
    )
    metrics: dict[str, Any] = {
        "n": len({row["example_id"] for row in rows}),
        "reference_steps": settings.reference_steps,
        "reference_error": _pooled(reference),
        "steps_needed": needed,
        "auto": {
            "tolerance": settings.tolerance,
            "error": _pooled(auto),
            "within_tolerance": float(np.mean(relative_errors(auto) <= settings.tolerance)),
            "steps_mean": float(np.mean([row["steps"] for row in auto])),
            "pairs": len(auto),
            "unconverged": sum(row["unconverged"] for row in auto),
        },
    }
    if PAPER in groups:
        interval = _bootstrap(groups[PAPER], draws=settings.bootstrap_draws, seed=settings.seed)
        metrics["paper"] = {
            "error": vars(interval),
            "kendall": float(np.mean([row["kendall"] for row in groups[PAPER]])),
            "limit": settings.sufficient_error,
            "verdict": decide(interval, high=settings.sufficient_error),
        }
    return metrics


def relative_errors(rows: Rows) -> NDArray[np.float64]:
    """Error over size for each pair, the size at least `FLOOR`."""
    return np.array([row["error"] / max(row["size"], FLOOR) for row in rows])


def _pooled(rows: Rows) -> float:
    return sum(row["error"] for row in rows) / max(sum(row["size"] for row in rows), FLOOR)


def _groups(rows: Rows) -> list[tuple[str, int | float, list[dict[str, Any]]]]:
    """Rows by rule and steps, in their order; `auto` is one group, at its mean number of steps."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["rule"], 0 if row["rule"] == "auto" else row["steps"]), []).append(row)
    return [
        (rule, float(np.mean([row["steps"] for row in part])) if rule == "auto" else steps, part)
        for (rule, steps), part in groups.items()
    ]


def _needed(errors: dict[int, float], level: float) -> int | None:
    fine = None
    for steps in sorted(errors, reverse=True):
        if errors[steps] > level:
            break
        fine = steps
    return fine


def _bootstrap(rows: Rows, *, draws: int, seed: int) -> Interval:
    """The pooled error with its percentile interval: a ratio of sums, so both are resampled together."""
    names = list(dict.fromkeys(row["example_id"] for row in rows))
    sums = np.zeros((len(names), 2))
    for row in rows:
        sums[names.index(row["example_id"])] += row["error"], row["size"]
    picks = np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))
    drawn = sums[picks].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1].clip(min=FLOOR), [0.025, 0.975])
    return Interval(value=_pooled(rows), low=float(low), high=float(high))
