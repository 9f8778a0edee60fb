"""Statistics of scores held against exact knock-outs (docs/method.md, "Knock-outs")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.methods import named
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import Truth
from pipeline.analysis.statistics import ANY, Mean, Measure, Single, statistics
from pipeline.analysis.truth_pairs import LEAST_SEEDS, aurocs, seeds_agreement
from pipeline.values.columns import ATTRIBUTION, KEPT, MARGIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.analysis.keys import Key, Quantity
    from pipeline.analysis.outcomes import Outcomes, Record
    from pipeline.analysis.statistics import Range
    from pipeline.values.schema import Params

    Values = dict[str, NDArray[np.float64]]  # of each method, by example

SHUFFLED = "rank correlation with the scores of shuffled weights"
OTHER_SEEDS = "rank correlation with the scores of the task's other models"
FEW_SEEDS = f"needs {LEAST_SEEDS} models"


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """Agreement of scores with the knock-outs, what groups lose, what shuffled weights leave, of every task."""
    records, groups, correlations, found = [], [], [], []
    for task in outcomes.tasks:
        models = outcomes.of_task(task)
        pairs = [outcomes.rows("truth", model, name="pairs") for model in models]
        seeds = seeds_agreement(pairs) or [None] * len(models)
        measured, examples = [], []
        for model, kept, own in zip(models, pairs, seeds, strict=True):
            rows, lost = outcomes.rows("truth", model), outcomes.rows("truth", model, name="groups")
            shuffled = outcomes.rows("truth", model, name="randomised")
            examples.append(list(dict.fromkeys(row["example_id"] for row in rows)))
            known = {"n": len(examples[-1]), **model._asdict()}
            correlations += mean_rows(shuffled, along="shuffled", value="spearman", **known)
            groups += mean_rows(lost, along="size", value="lost", **known)
            records.append(known)
            agree = measures(rows, lost, top_k=values.truth.top_k)
            measured.append(agree | at_shares(kept) | randomised(shuffled, own))
        found += statistics(task, measured, examples=examples)
    return Findings(records, found, {"groups": groups, "randomised": correlations})


def measures(rows: Sequence[Record], lost: Sequence[Record], *, top_k: int) -> dict[Key, Measure]:
    """What one model's examples say of every method, and of attribution (either one) beside each other one.

    - `<agreement>/<level>/<method>`: of `Truth.MEASURES`, the mean over examples
    - `<agreement>/<level>/attribution-<other>`, and `attribution_margin-<other>` alike: theirs minus the other's
    - `lost/<method>`, `lost/attribution-<other>`, `lost/attribution_margin-<other>`: log-odds lost without the pairs of
      the largest scores, mean over the sizes of groups
    """
    found: dict[Key, Measure] = {}
    for level in dict.fromkeys(row["level"] for row in rows):
        for name, (label, unit, within) in Truth.MEASURES.items():
            own, lead, lead_of_margin = (
                quantity.where(measure=name, level=level)
                for quantity in (Truth.AGREEMENT, Truth.AGREEMENT_LEAD, Truth.AGREEMENT_LEAD_OF_MARGIN)
            )
            of_methods = by_method([row for row in rows if row["level"] == level], name)
            label = f"{label.format(k=top_k)}, {Truth.LEVELS[level]}"
            found |= beside(own, lead, label, unit, of_methods, within=within)
            found |= leads(lead_of_margin, label, unit, of_methods, leader=MARGIN, within=within)
    label, of_methods = "log-odds lost without the pairs of the largest scores", by_method(lost, "lost")
    found |= beside(Truth.LOST, Truth.LOST_LEAD, label, "log-odds", of_methods)
    return found | leads(Truth.LOST_LEAD_OF_MARGIN, label, "log-odds", of_methods, leader=MARGIN)


def at_shares(kept: Sequence[Record]) -> dict[Key, Measure]:
    """`auroc/pairs/<method>/<share>`, and leads: where another share of the kept pairs are those that matter."""
    found: dict[Key, Measure] = {}
    for share in Truth.SHARES:
        own, lead, lead_of_margin = (
            quantity.where(share=f"{share:g}")
            for quantity in (Truth.AT_SHARE, Truth.AT_SHARE_LEAD, Truth.AT_SHARE_LEAD_OF_MARGIN)
        )
        label, of_methods = f"AUROC, largest {share:.0%} of query-key pairs", aurocs(kept, share=share)
        found |= beside(own, lead, label, "share", of_methods, within=(0, 1))
        found |= leads(lead_of_margin, label, "share", of_methods, leader=MARGIN, within=(0, 1))
    return found


def randomised(rows: Sequence[Record], of_seeds: Values | None) -> dict[Key, Measure]:
    """What scores have in common with those of shuffled weights, and with those of the task's other models.

    - `randomised/<method>`: rank correlation of scores with those after all layers and the classifier are shuffled
    - `seeds/<method>`: rank correlation with those of other models, from `seeds_agreement`; undefined without
    - `randomised-seeds/<method>`: the first minus the second
    """
    last = max(row["shuffled"] for row in rows)
    of_shuffled = by_method([row for row in rows if row["shuffled"] == last], "spearman")
    found: dict[Key, Measure] = {
        Truth.RANDOMISED.key(method=name): Mean(f"{SHUFFLED}, {named(name)}", "correlation", values)
        for name, values in of_shuffled.items()
    }
    for name in KEPT:
        own, beyond = (quantity.key(method=name) for quantity in (Truth.SEEDS, Truth.BEYOND_SEEDS))
        label, beyond_label = f"{OTHER_SEEDS}, {named(name)}", f"{SHUFFLED} minus with other seeds', {named(name)}"
        if of_seeds is None:
            found[own] = Single(label, "correlation", None, FEW_SEEDS)
        else:
            found[own] = Mean(label, "correlation", of_seeds[name])
        if name not in of_shuffled:
            continue
        if of_seeds is None:
            found[beyond] = Single(beyond_label, "correlation", None, FEW_SEEDS, within=(-2, 2))
        else:
            found[beyond] = Mean(beyond_label, "correlation", of_shuffled[name] - of_seeds[name], within=(-2, 2))
    return found


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
    found: dict[Key, Measure] = {
        own.key(method=method): Mean(f"{label}, {named(method)}", unit, values, step, within)
        for method, values in of_methods.items()
    }
    return found | leads(lead, label, unit, of_methods, leader=ATTRIBUTION, step=step, within=within)


def leads(
    lead: Quantity,
    label: str,
    unit: str,
    of_methods: Values,
    *,
    leader: str,
    step: float = 0.0,
    within: Range = ANY,
) -> dict[Key, Measure]:
    """The values of the method `leader` minus each other one's, as `lead`; nothing where it was not measured."""
    low, high = within
    return {
        lead.key(against=method): Mean(
            f"{label}, {named(leader)} minus {named(method)}",
            unit,
            of_methods[leader] - values,
            step,
            (low - high, high - low),
        )
        for method, values in of_methods.items()
        if method != leader and leader in of_methods
    }
