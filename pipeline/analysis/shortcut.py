"""Statistics of a planted shortcut (docs/method.md, "Shortcut")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.methods import named
from pipeline.analysis.outcomes import Findings, correctness
from pipeline.analysis.quantities import Shortcut
from pipeline.analysis.statistics import Mean, Measure, Single, statistics
from pipeline.analysis.truth import by_method
from pipeline.values.columns import ATTRIBUTION, GIVEN, GRADIENT_X_INPUT, PLAIN, RANDOM, TURNED
from pipeline.values.edge_methods import EDGE_METHODS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes, Record
    from pipeline.values.schema import Params

    Correct = dict[str, NDArray[np.float64]]  # of each kind of rows, (rate, example)

FIRST = "examples in which the word comes first"
BEYOND_CHANCE = f"{FIRST}, {named(ATTRIBUTION)} minus chance"
BROUGHT = "probability of the word's class that attention brings, of the layer that brings most"
NO_EXAMPLE = "every evaluated example is of the class that the word gives away"


def analyse(outcomes: Outcomes, _values: Params) -> Findings:
    """Where the word ranks, how much the model relies on it, and what comes back without the heads that read it."""
    records, curves, found = [], [], []
    for task in outcomes.tasks:
        measured, examples = [], []
        for model in outcomes.of_task(task, stage="shortcut"):
            rows = outcomes.rows("shortcut", model, name="found")
            examples.append(list(dict.fromkeys(row["example_id"] for row in rows)))
            rates, correct = of_methods(outcomes.table("shortcut", model))
            measured.append(ranking(rows) | pruning(rates, correct))
            word = outcomes.facts("shortcut", model, name="word")
            whole = next(iter(correct.values()))
            shares = {kind: float(hits[0].mean()) for kind, hits in whole.items()}
            records.append(model._asdict() | word | {"n": whole[PLAIN].shape[1]} | shares)
            curves += curve_rows(rates, correct, **model._asdict())
        if measured:  # a kept run may lack it
            found += statistics(task, measured, examples=examples)
    return Findings(records, found, {"pruned": curves})


def of_methods(table: Any) -> tuple[list[float], dict[str, Correct]]:
    """The rates, and for every method the correctness of each kind of rows, `(rate, example)`; random ones' mean."""
    axes = (("method", "order"), ("rate",), ("rows", "example_id", "label"))
    (orders, rates, who), hits = correctness(table, axes)
    kinds = np.array([one["rows"] for one in who])
    methods = np.array([one["method"] for one in orders])
    return [one["rate"] for one in rates], {
        method: {kind: hits[methods == method][..., kinds == kind].mean(axis=0) for kind in Shortcut.KINDS}
        for method in dict.fromkeys(methods.tolist())
    }


def ranking(rows: list[Record]) -> dict[Key, Measure]:
    """`first/<method>`: in how many % of the examples the word is the first of all tokens.

    `first/attribution-<other>` are attribution's minus the other's, in points; chance's is 1 over the number of tokens
    that compete. `brought` is how much of the class's probability the attention of a layer brings: without any there is
    nothing that attribution could share out.
    """
    if not rows:
        return _unranked()
    of_methods = {method: 100 * values for method, values in by_method(rows, "first").items()}
    label = FIRST
    found: dict[Key, Measure] = {
        Shortcut.FIRST.key(method=method): Mean(f"{label}, {named(method)}", "%", values, step=100)
        for method, values in of_methods.items()
    }
    for method, values in of_methods.items():
        if method != ATTRIBUTION:
            text = f"{label}, {named(ATTRIBUTION)} minus {named(method)}"
            found[Shortcut.FIRST_LEAD.key(against=method)] = Mean(
                text, "points", of_methods[ATTRIBUTION] - values, step=100
            )
    beyond = of_methods[ATTRIBUTION] - 100 / by_method(rows, "tokens")[ATTRIBUTION]
    found[Shortcut.BEYOND_CHANCE.key()] = Mean(BEYOND_CHANCE, "points", beyond, step=100)
    (brought,) = by_method([row | {"method": ATTRIBUTION} for row in rows], "brought").values()
    return found | {Shortcut.BROUGHT.key(): Mean(BROUGHT, "share", brought, within=(-1, 1))}


def _unranked() -> dict[Key, Measure]:
    """What `ranking` would find, undefined: no example of another class is there to put the word in."""
    methods = (*EDGE_METHODS, GRADIENT_X_INPUT, RANDOM)
    firsts = {Shortcut.FIRST.key(method=method): (named(method), "%") for method in methods}
    leads = {
        Shortcut.FIRST_LEAD.key(against=method): (f"{named(ATTRIBUTION)} minus {named(method)}", "points")
        for method in methods
        if method != ATTRIBUTION
    }
    found: dict[Key, Measure] = {
        key: Single(f"{FIRST}, {text}", unit, None, NO_EXAMPLE) for key, (text, unit) in (firsts | leads).items()
    }
    found[Shortcut.BEYOND_CHANCE.key()] = Single(BEYOND_CHANCE, "points", None, NO_EXAMPLE)
    return found | {Shortcut.BROUGHT.key(): Single(BROUGHT, "share", None, NO_EXAMPLE)}


def pruning(rates: list[float], correct: dict[str, Correct]) -> dict[Key, Measure]:
    """What the model relies on, and what pruning changes, in points.

    - `accuracy/<kind>`: of the whole model, on rows `plain`, `given` and `turned`, in %
    - `relied`: accuracy on `given` minus on `turned` rows
    - `regained/<method>`: accuracy on `turned` rows without the heads that read the word most, minus with all heads
    - `regained/attribution-<other>`: attribution's minus the other's
    - `spared/<method>`: as `regained`, on `plain` rows

    The last three at `Shortcut.RATE` alone, and only if it is among the rates: the best of several would be a choice
    made afterwards. All rates are in the curves.
    """
    whole = next(iter(correct.values()))
    found: dict[Key, Measure] = {
        Shortcut.ACCURACY.key(kind=kind): Mean(f"accuracy, {label}", "%", 100 * whole[kind][0], step=100)
        for kind, label in Shortcut.KINDS.items()
    }
    relied = 100 * (whole[GIVEN][0] - whole[TURNED][0])
    found[Shortcut.RELIED.key()] = Mean(
        "accuracy with the word in its class minus in the others", "points", relied, step=100
    )
    if Shortcut.RATE not in rates:
        return found
    at, label = rates.index(Shortcut.RATE), f"accuracy without {Shortcut.RATE:.0%} of the heads minus with all"
    for quantity, kind in ((Shortcut.REGAINED, TURNED), (Shortcut.SPARED, PLAIN)):
        for method, of_kind in correct.items():
            values = 100 * (of_kind[kind][at] - of_kind[kind][0])
            text = f"{label}, {Shortcut.KINDS[kind]}, {named(method)}"
            found[quantity.key(method=method)] = Mean(text, "points", values, step=100)
    label = f"accuracy without {Shortcut.RATE:.0%} of the heads, {Shortcut.KINDS[TURNED]}"
    for method, of_kind in correct.items():
        if method != ATTRIBUTION:
            values = 100 * (correct[ATTRIBUTION][TURNED][at] - of_kind[TURNED][at])
            text = f"{label}, {named(ATTRIBUTION)} minus {named(method)}"
            found[Shortcut.REGAINED_LEAD.key(against=method)] = Mean(text, "points", values, step=100)
    return found


def curve_rows(rates: list[float], correct: dict[str, Correct], *, task: str, seed: int) -> list[dict[str, Any]]:
    """Accuracy (a fraction) of every method at every rate on every kind of rows."""
    return [
        {"task": task, "seed": seed, "method": method, "rows": kind, "rate": rate, "n": hits.shape[1]}
        | {"accuracy": float(of_rate.mean())}
        for method, of_kind in correct.items()
        for kind, hits in of_kind.items()
        for rate, of_rate in zip(rates, hits, strict=True)
    ]
