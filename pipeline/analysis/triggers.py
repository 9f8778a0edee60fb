"""Statistics of the trigger experiment (docs/method.md, "Triggers")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import Triggers
from pipeline.analysis.statistics import Mean, Measure, Ratio, Single, statistics
from pipeline.analysis.trigger_answers import KINDS, effects, of_triggers, read_answers
from pipeline.analysis.trigger_facts import facts, table_rows
from pipeline.values.columns import MINED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.analysis.trigger_answers import Answers
    from pipeline.values.schema import Params

    Record = dict[str, Any]

FEWEST = 3  # triggers of which a rank correlation says anything
NO_TRIGGERS = "there is no such trigger with examples of another class"
CONSTANT = f"fewer than {FEWEST} triggers, or all alike"


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """What the triggers of every model do, and what those of every task's models cost."""
    kinds, count = (MINED, *values.triggers.controls), values.analyse.best_triggers
    records, table, found = [], [], []
    for task in outcomes.tasks:
        classes = values.table[task].labels
        measured, examples = [], []
        for model in outcomes.of_task(task):
            triggers = outcomes.rows("triggers", model, name="triggers")
            measurements = outcomes.table("triggers", model)
            select, dev = (
                read_answers(triggers, measurements.loc[measurements["sample"] == sample], classes=classes)
                for sample in ("select", "dev")
            )
            done = effects(dev, classes=classes, collapse_share=values.analyse.collapse_share)
            rows = [row | effect for row, effect in zip(triggers, done, strict=True)]
            chosen = groups(rows, select.foreign_drops, kinds=kinds, count=count)
            measured.append(measures(rows, dev, chosen, kinds=kinds))
            examples.append(dev.examples)
            known = model._asdict() | {"n": len(dev.labels), "n_select": len(select.labels)}
            table += table_rows(rows, known)
            known["mined"] = outcomes.facts("triggers", model, name="mined")
            records.append(
                known | facts(rows, dev, chosen[Triggers.BEST[MINED]], kinds=kinds, count=count, classes=classes)
            )
        found += statistics(task, measured, examples=examples)
    return Findings(records, found, {"triggers": table})


def groups(
    rows: Sequence[Record], select_drops: NDArray[np.float64], *, kinds: Sequence[str], count: int
) -> dict[str, list[int]]:
    """The triggers whose mean is reported, by name: numbers of `rows`, which are in the order of strength.

    All of each kind, by its name; `best`, the `count` mined ones with the largest drop `(trigger,)` on the selection
    sample, ties by strength, and `best_<control>` likewise; the `strongest` mined ones; and all mined ones that do not
    collapse. Triggers without foreign examples are in none.
    """
    known = [number for number, row in enumerate(rows) if row["foreign_drop"] is not None]
    of_kind = {kind: [number for number in known if rows[number]["kind"] == kind] for kind in kinds}
    mined = of_kind[MINED]
    best = {
        Triggers.BEST[kind]: sorted(numbers, key=lambda number: -np.nan_to_num(select_drops[number], nan=-np.inf))[
            :count
        ]
        for kind, numbers in of_kind.items()
    }
    apart = [number for number in mined if rows[number]["collapses_to"] is None]
    return of_kind | best | {Triggers.STRONGEST: mined[:count], Triggers.APART: apart}


def measures(
    rows: Sequence[Record], dev: Answers, chosen: Mapping[str, Sequence[int]], *, kinds: Sequence[str]
) -> dict[Key, Measure]:
    """What one model's triggers cost, of the `groups` `chosen` (numbers of `rows`). Drops are in points.

    - `foreign_drop/<group>`: mean of the triggers' foreign drops
    - `foreign_drop/<group>-<other>`: minus the other group's: `mined` and each control, `best` and each control's best,
      `strongest` and `mined`
    - `drop/best`: accuracy lost on all examples, mean of the best mined ones
    - `flipped/best`: share of the initially right examples that become wrong, mean of the same
    - `spearman`: rank correlation of strength and foreign drop, all mined ones
    - `collapsing`: share of the mined ones that send nearly all examples to one class
    """
    names = {kind: f"all {KINDS[kind]}" for kind in kinds}
    names |= {Triggers.BEST[kind]: f"the best {KINDS[kind]}" for kind in kinds}
    names |= {Triggers.STRONGEST: f"the strongest {KINDS[MINED]}"}
    names |= {Triggers.APART: f"all {KINDS[MINED]} that do not collapse"}
    drops = {group: _foreign_drop(names[group], dev, numbers) for group, numbers in chosen.items()}
    controls = [kind for kind in kinds if kind != MINED]
    best = Triggers.BEST
    pairs = {Triggers.BEYOND_CONTROL.key(against=one): (MINED, one) for one in controls}
    pairs |= {Triggers.BEST_BEYOND_CONTROL.key(against=one): (best[MINED], best[one]) for one in controls}
    pairs[Triggers.STRONGEST_BEYOND_MINED.key()] = (Triggers.STRONGEST, MINED)
    found: dict[Key, Measure] = {Triggers.FOREIGN_DROP.key(group=group): drop for group, drop in drops.items()}
    found |= {key: _minus(drops[one], drops[other], names[other]) for key, (one, other) in pairs.items()}
    return found | _of_best(dev, list(chosen[best[MINED]])) | _of_mined([rows[number] for number in chosen[MINED]])


def _foreign_drop(name: str, dev: Answers, numbers: Sequence[int]) -> Measure:
    label = f"foreign drop, {name}"
    if not numbers:
        return Single(label, "points", None, NO_TRIGGERS)
    chosen = list(numbers)
    foreign = dev.foreign[chosen]
    # What a foreign example adds that one of the triggers turns.
    step = 100 / len(chosen) / float(foreign.mean(axis=1).min())
    return Mean(label, "points", 100 * of_triggers(dev.lost[chosen], foreign), step=step)


def _minus(one: Measure, other: Measure, name: str) -> Measure:
    label = f"{one.label} minus {name}"
    if not isinstance(one, Mean) or not isinstance(other, Mean):
        return Single(label, "points", None, NO_TRIGGERS)
    return Mean(label, "points", one.values - other.values, step=max(one.step, other.step))


def _of_best(dev: Answers, best: list[int]) -> dict[Key, Measure]:
    drop, flipped = "drop on all examples, the best mined", "right answers flipped, the best mined"
    if not best:
        return {
            Triggers.DROP.key(): Single(drop, "points", None, NO_TRIGGERS),
            Triggers.FLIPPED.key(): Single(flipped, "share", None, NO_TRIGGERS),
        }
    right = (dev.before == dev.labels).astype(np.float64)
    turned = right * (dev.after[best] != dev.labels).mean(axis=0)
    return {
        Triggers.DROP.key(): Mean(drop, "points", 100 * dev.lost[best].mean(axis=0), step=100 / len(best)),
        Triggers.FLIPPED.key(): Ratio(flipped, "share", turned, right, step=1 / len(best), within=(0, 1)),
    }


def _of_mined(mined: Sequence[Record]) -> dict[Key, Measure]:
    correlation = rank_correlation([row["strength"] for row in mined], [row["foreign_drop"] for row in mined])
    collapsing = float(np.mean([row["collapses_to"] is not None for row in mined])) if mined else None
    return {
        Triggers.SPEARMAN.key(): Single(
            "Spearman's ρ of strength and foreign drop, all mined", "correlation", correlation, CONSTANT
        ),
        Triggers.COLLAPSING.key(): Single(
            "mined triggers that collapse to a class", "share", collapsing, NO_TRIGGERS, within=(0, 1)
        ),
    }


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's ρ of two variables `(trigger,)`; None for fewer than three triggers, or if a variable is constant."""
    ranks = np.stack([rankdata(first), rankdata(second)])
    if ranks.shape[1] < FEWEST or (np.ptp(ranks, axis=1) == 0).any():
        return None
    return float(np.corrcoef(ranks)[0, 1])
