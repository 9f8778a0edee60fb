"""Statistics of the convergence experiment (docs/method.md, "Convergence")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.derived import ratio_bounds
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import Convergence
from pipeline.analysis.statistics import Least, Mean, MeanOfThese, Measure, Ratio, statistics
from pipeline.values.columns import AUTO, JUDGE, JUDGED, REFERENCE

if TYPE_CHECKING:
    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

LEVELS = (0.01, 0.001, 0.0001)  # relative edge errors for which the steps needed are listed
SUFFICIENT = 0.05  # an example's edge error at which its steps are said to suffice
REFINED = (AUTO, JUDGE)  # rows whose steps were found, example by example and layer by layer
EXACT = (REFERENCE, 0)  # where a rule and its steps stand otherwise
FLOOR = 1e-4  # as in `attattr.integrate`: smaller layers' errors are compared with it

Rows = Sequence[dict[str, Any]]
Run = tuple[str, int]  # rule and steps


@dataclass(frozen=True)
class Judged:
    """One model's judged examples, summed over layers, `(example,)`; `error` and `kendall` by rule and steps.

    `size` is ||Attr||_1 of the reference, `error` ||Attr_m - Attr||_1, `doubt` how unsure the reference itself is, in
    the same unit; `kendall` compares the order of all heads with the reference's.
    """

    examples: list[str]
    size: NDArray[np.float64]
    doubt: NDArray[np.float64]
    error: dict[Run, NDArray[np.float64]]
    kendall: dict[Run, NDArray[np.float64]]

    def within(self, run: Run) -> NDArray[np.bool_]:
        """Whether the edge error is at most `SUFFICIENT` wherever in its doubt the reference truly lies."""
        return self.error[run] + self.doubt <= SUFFICIENT * self.size


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """The error of every rule and number of steps, of every model; on how many examples 20 steps suffice, by task."""
    records, curves, found = [], [], []
    for task in outcomes.tasks:
        measured, examples = [], []
        for model in outcomes.of_task(task):
            rows, judged = outcomes.rows("convergence", model), outcomes.rows("convergence", model, name="judged")
            known = of_examples(judged)
            measured.append(measures(known))
            examples.append(known.examples)
            curves += curve_rows(rows, **model._asdict())
            facts = summary(rows, tolerance=values.convergence.tolerance) | {"judged": trust(judged, known)}
            records.append(model._asdict() | facts)
        found += statistics(task, measured, examples=examples)
    return Findings(records, found, {"curves": curves})


def of_examples(rows: Rows) -> Judged:
    """The sums over the layers of the judged examples, in their order."""
    place = {name: number for number, name in enumerate(dict.fromkeys(row["example_id"] for row in rows))}
    sums: dict[tuple[Run, str], NDArray[np.float64]] = {}
    for row in rows:
        run = EXACT if row["rule"] == REFERENCE else (row["rule"], row["steps"])
        for name in ("error", "size"):
            sums.setdefault((run, name), np.zeros(len(place)))[place[row["example_id"]]] += row[name]
        # The same in every layer's row.
        sums.setdefault((run, "kendall"), np.zeros(len(place)))[place[row["example_id"]]] = row["kendall"]
    runs = [run for run, name in sums if name == "error" and run != EXACT]
    return Judged(
        examples=list(place),
        size=sums[EXACT, "size"].clip(min=FLOOR),
        doubt=sums[EXACT, "error"],
        error={run: sums[run, "error"] for run in runs},
        kendall={run: sums[run, "kendall"] for run in runs},
    )


def measures(judged: Judged) -> dict[Key, Measure]:
    """What one model's judged examples say of each rule and number of steps, `<run>` as `right-20`.

    - `within/<run>`: share of examples whose edge error is at most 5 % beyond the reference's doubt, in percent, and
      `least/<run>` that of the model that has the fewest: both of these very models, as a few models cannot show that
      no other one fails
    - `kendall/<run>`: rank correlation of all heads by their largest score, steps against reference
    - `error/<run>`: errors over sizes, both summed over examples
    """
    found: dict[Key, Measure] = {}
    for run, error in judged.error.items():
        rule, steps = run
        label, hits = f"{steps} {rule} steps", 100 * judged.within(run).astype(np.float64)
        percent = f"{100 * SUFFICIENT:g} %"
        found[Convergence.WITHIN.key(rule=rule, steps=steps)] = MeanOfThese(
            f"examples within {percent} edge error, {label}", "%", hits, step=100
        )
        found[Convergence.LEAST.key(rule=rule, steps=steps)] = Least(
            f"the same of the model with the fewest, {label}", "%", hits, step=100
        )
        found[Convergence.KENDALL.key(rule=rule, steps=steps)] = Mean(
            f"order of heads, {label} against reference", "tau", judged.kendall[run]
        )
        found[Convergence.ERROR.key(rule=rule, steps=steps)] = Ratio(
            f"edge error, {label}", "share", error, judged.size, within=(0, math.inf)
        )
    return found


def trust(rows: Rows, judged: Judged) -> dict[str, Any]:
    """How far the judged examples' references can be trusted; counts of examples.

    `unconverged` ones have a layer in which the reference stopped short of its tolerance; in `decided_by_doubt` the
    reference's doubt alone, not the error, keeps `right-20` from counting as within.
    """
    run = JUDGED[0]
    alone = judged.error[run] <= SUFFICIENT * judged.size
    return {
        "n": len(judged.examples),
        "unconverged": len({row["example_id"] for row in rows if row["rule"] == REFERENCE and row["unconverged"]}),
        "doubt": float(judged.doubt.sum() / judged.size.sum()),
        "largest_doubt": float((judged.doubt / judged.size).max()),
        "decided_by_doubt": int((alone & ~judged.within(run)).sum()),
    }


def curve_rows(rows: Rows, *, task: str, seed: int) -> list[dict[str, Any]]:
    """One row per rule and number of steps, over all examples and layers; `auto` has its mean number of steps.

    `error` is the pooled relative edge error: the errors' sum over the sum of the scores' absolute values; `low` and
    `high` bound it, of this model, over examples. `median`, `q95` and `worst` are quantiles over (example, layer) pairs
    of the relative error; `gap` is the mean gap.
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
                **ratio_bounds(*_of_examples(part)),
                "median": float(np.median(relative)),
                "q95": float(np.quantile(relative, 0.95)),
                "worst": float(relative.max()),
                "gap": float(np.mean([row["gap"] for row in part])),
                "jaccard": float(np.mean([row["jaccard"] for row in part])),
                "kendall": float(np.mean([row["kendall"] for row in part])),
            }
        )
    return curves


def summary(rows: Rows, *, tolerance: float) -> dict[str, Any]:
    """Steps needed for each level of error, what `auto` reached, and how far the references can be trusted.

    The steps needed are the fewest from which on no larger number of the grid exceeds the level; None if there are
    none. `tolerance` is that of `auto`; `judge_error` is the error of the judged examples' kind of reference.
    """
    groups = {(rule, steps): part for rule, steps, part in _groups(rows)}
    (_, auto), ((_, half), reference), (_, judge) = (
        next((key, part) for key, part in groups.items() if key[0] == name) for name in (AUTO, REFERENCE, JUDGE)
    )
    errors: dict[str, dict[int, float]] = {}
    for (rule, steps), part in groups.items():
        if rule not in (AUTO, REFERENCE, JUDGE):
            errors.setdefault(rule, {})[int(steps)] = _pooled(part)
    return {
        "n": len({row["example_id"] for row in rows}),
        "reference_steps": 2 * int(half),
        "reference_error": _pooled(reference),
        "judge_error": _pooled(judge),
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


def relative_errors(rows: Rows) -> NDArray[np.float64]:
    """Error over size for each pair, the size at least `FLOOR`."""
    return np.array([row["error"] / max(row["size"], FLOOR) for row in rows])


def _pooled(rows: Rows) -> float:
    return sum(row["error"] for row in rows) / max(sum(row["size"] for row in rows), FLOOR)


def _of_examples(rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The errors and the sizes, summed over the layers of each example, `(example,)`."""
    sums: dict[str, list[float]] = {}
    for row in rows:
        own = sums.setdefault(row["example_id"], [0.0, 0.0])
        own[0], own[1] = own[0] + row["error"], own[1] + row["size"]
    errors, sizes = np.array(list(sums.values())).T
    return errors, sizes


def _groups(rows: Rows) -> list[tuple[str, int | float, list[dict[str, Any]]]]:
    """Rows by rule and steps, in their order; what takes its own steps is one group, at their mean."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["rule"], 0 if row["rule"] in REFINED else row["steps"]), []).append(row)
    return [
        (rule, float(np.mean([row["steps"] for row in part])) if rule in REFINED else steps, part)
        for (rule, steps), part in groups.items()
    ]


def _needed(errors: dict[int, float], level: float) -> int | None:
    fine = None
    for steps in sorted(errors, reverse=True):
        if errors[steps] > level:
            break
        fine = steps
    return fine
