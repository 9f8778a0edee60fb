"""Statistics of scores held against exact knock-outs (docs/method.md, "Knock-outs")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.methods import named
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import Truth
from pipeline.analysis.statistics import ANY, Mean, Measure, statistics
from pipeline.values.columns import ATTRIBUTION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.analysis.keys import Key, Quantity
    from pipeline.analysis.outcomes import Outcomes, Record
    from pipeline.analysis.statistics import Range
    from pipeline.values.schema import Params

    Values = dict[str, NDArray[np.float64]]  # of each method, by example


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """Agreement of scores with the knock-outs, what groups lose, what shuffled weights leave, of every task."""
    records, groups, correlations, found = [], [], [], []
    for task in outcomes.tasks:
        measured, examples = [], []
        for model in outcomes.of_task(task):
            rows, lost = outcomes.rows("truth", model), outcomes.rows("truth", model, name="groups")
            examples.append(list(dict.fromkeys(row["example_id"] for row in rows)))
            known = {"n": len(examples[-1]), **model._asdict()}
            shuffled = outcomes.rows("truth", model, name="randomised")
            measured.append(measures(rows, lost, top_k=values.truth.top_k) | randomised(shuffled))
            correlations += mean_rows(shuffled, along="shuffled", value="spearman", **known)
            groups += mean_rows(lost, along="size", value="lost", **known)
            for level in dict.fromkeys(row["level"] for row in rows):
                shares = [row["share_with_effect"] for row in rows if row["level"] == level]
                records.append(known | {"level": level, "share_with_effect": float(np.mean(shares))})
        found += statistics(task, measured, examples=examples)
    return Findings(records, found, {"groups": groups, "randomised": correlations})


def measures(rows: Sequence[Record], lost: Sequence[Record], *, top_k: int) -> dict[Key, Measure]:
    """What one model's examples say of every method, and of attribution beside each other one.

    - `<agreement>/<level>/<method>`: of `Truth.MEASURES`, the mean over examples
    - `<agreement>/<level>/attribution-<other>`: attribution's minus the other's
    - `lost/<method>`, `lost/attribution-<other>`: log-odds lost without the pairs of the largest scores, mean over the
      sizes of groups
    """
    found: dict[Key, Measure] = {}
    for level in dict.fromkeys(row["level"] for row in rows):
        for name, (label, unit, within) in Truth.MEASURES.items():
            own, lead = (
                quantity.where(measure=name, level=level) for quantity in (Truth.AGREEMENT, Truth.AGREEMENT_LEAD)
            )
            of_methods = by_method([row for row in rows if row["level"] == level], name)
            found |= beside(
                own, lead, f"{label.format(k=top_k)}, {Truth.LEVELS[level]}", unit, of_methods, within=within
            )
    label = "log-odds lost without the pairs of the largest scores"
    return found | beside(Truth.LOST, Truth.LOST_LEAD, label, "log-odds", by_method(lost, "lost"))


def randomised(rows: Sequence[Record]) -> dict[Key, Measure]:
    """`randomised/<method>`: rank correlation of scores with those after all layers and the classifier are shuffled."""
    last = max(row["shuffled"] for row in rows)
    of_methods = by_method([row for row in rows if row["shuffled"] == last], "spearman")
    label = "rank correlation with the scores of shuffled weights"
    return {
        Truth.RANDOMISED.key(method=name): Mean(f"{label}, {named(name)}", "correlation", values)
        for name, values in of_methods.items()
    }


def mean_rows(rows: Sequence[Record], *, along: str, value: str, **known: Any) -> list[dict[str, Any]]:
    """The mean over examples of the column `value`, for every method and number in the column `along`."""
    found: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        found.setdefault((row["method"], row[along]), []).append(row[value])
    return [
        known | {"method": method, along: number, value: float(np.mean(values))}
        for (method, number), values in found.items()
    ]


def by_method(rows: Sequence[Record], column: str) -> Values:
    """The column, example by example; of several rows of an example, such as groups of several sizes, their mean."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        found.setdefault(row["method"], {}).setdefault(row["example_id"], []).append(row[column])
    return {
        method: np.array([np.mean(values) for values in of.values()], dtype=np.float64) for method, of in found.items()
    }


def beside(
    own: Quantity,
    lead: Quantity,
    label: str,
    unit: str,
    of_methods: Values,
    *,
    step: float = 0.0,
    within: Range = ANY,
) -> dict[Key, Measure]:
    """Every method's values, as `own`, and attribution's minus each other one's, as `lead`.

    `step` as in `Mean`; `within` is what the values can be.
    """
    low, high = within
    found: dict[Key, Measure] = {
        own.key(method=method): Mean(f"{label}, {named(method)}", unit, values, step, within)
        for method, values in of_methods.items()
    }
    for method, values in of_methods.items():
        if method != ATTRIBUTION:
            text = f"{label}, {named(ATTRIBUTION)} minus {named(method)}"
            found[lead.key(against=method)] = Mean(
                text, unit, of_methods[ATTRIBUTION] - values, step, (low - high, high - low)
            )
    return found
