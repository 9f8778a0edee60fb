"""Statistics of the convergence experiment (docs/method.md, "Convergence")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.intervals import Interval
from pipeline.analysis.outcomes import Findings

if TYPE_CHECKING:
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

LEVELS = (0.01, 0.001, 0.0001)  # relative edge errors for which the steps needed are listed
PAPER = ("right", 20)  # the paper's rule and number of steps
FLOOR = 1e-4  # as in `pipeline.attattr.integrate`: smaller layers' errors are compared with it

Rows = Sequence[dict[str, Any]]


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """The error of every rule and number of steps, of every model."""
    records, curves = [], []
    for model in outcomes.models:
        rows = outcomes.rows("convergence", model)
        curves += curve_rows(rows, **model._asdict())
        draws = {"draws": values.analyse.bootstrap_draws, "seed": values.analyse.seed}
        records.append(model._asdict() | summary(rows, tolerance=values.convergence.tolerance, **draws))
    return Findings(records, tables={"curves": curves})


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


def summary(rows: Rows, *, tolerance: float, draws: int, seed: int) -> dict[str, Any]:
    """Steps needed for each level of error, what `auto` reached, and the error of the paper's 20 steps.

    The steps needed are the fewest from which on no larger number of the grid exceeds the level; None if there are
    none. The interval of the pooled error of 20 right-rule steps is a bootstrap over examples; `tolerance` is that of
    `auto`.
    """
    groups = {(rule, steps): part for rule, steps, part in _groups(rows)}
    (_, auto), ((_, half), reference) = (
        next((key, part) for key, part in groups.items() if key[0] == name) for name in ("auto", "reference")
    )
    errors: dict[str, dict[int, float]] = {}
    for (rule, steps), part in groups.items():
        if rule not in ("auto", "reference"):
            errors.setdefault(rule, {})[int(steps)] = _pooled(part)
    metrics: dict[str, Any] = {
        "n": len({row["example_id"] for row in rows}),
        "reference_steps": 2 * int(half),
        "reference_error": _pooled(reference),
        "steps_needed": {
            rule: {f"{level:g}": _needed(by_steps, level) for level in LEVELS} for rule, by_steps in errors.items()
        },
        "auto": {
            "tolerance": tolerance,
            "error": _pooled(auto),
            "within_tolerance": float(np.mean(relative_errors(auto) <= tolerance)),
            "steps_mean": float(np.mean([row["steps"] for row in auto])),
            "pairs": len(auto),
            "unconverged": int(sum(row["unconverged"] for row in auto)),
        },
    }
    if PAPER in groups:
        metrics["paper"] = {
            "error": vars(_bootstrap(groups[PAPER], draws=draws, seed=seed)),
            "kendall": float(np.mean([row["kendall"] for row in groups[PAPER]])),
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
