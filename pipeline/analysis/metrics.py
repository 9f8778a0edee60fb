"""The few numbers per task that DVC compares between runs: metrics/<task>.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.analysis.quantities import (
    Convergence,
    Effectiveness,
    Prune,
    ReceptiveField,
    Tree,
    Triggers,
    Universality,
)
from pipeline.values.columns import MINED, TREE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Record
    from pipeline.analysis.statistics import Statistic

# Column: statistic, and what makes points or percent of its unit.
STATISTICS: dict[str, tuple[Key, float]] = {
    "head_area": (Effectiveness.LEAD.key(against="attention_max"), 1),
    "taylor": (Prune.LEAD.key(against="taylor", how="none"), 1),
    "random_lead": (Prune.RANDOM_LEAD.key(), 1),
    "foreign_loss": (Universality.LOST.key(), 1),
    "tree": (Tree.RECOVERED.key(arm=TREE), 100),
    "tree_lead": (Tree.BEYOND_RANDOM.key(), 100),
    "growth": (ReceptiveField.GROWTH.key(), 1),
    "triggers": (Triggers.FOREIGN_DROP.key(group=Triggers.BEST[MINED]), 1),
    "trigger_lead": (Triggers.BEYOND_CONTROL.key(against="random"), 1),
    "steps20": (Convergence.ERROR.key(rule="right", steps=20), 100),
}


def task_metrics(
    records: Mapping[str, Sequence[Record]], statistics: Mapping[str, Sequence[Statistic]], task: str
) -> dict[str, float | None]:
    """At most a dozen numbers of one task, over all its models; the same names for every task.

    All are in points or percent, save `growth`, in tokens. None is what the run does not have.

    - `accuracy`: dev accuracy
    - `unconverged`: share of (example, layer) pairs whose attribution stopped short of its tolerance
    - `head_area`: effectiveness area by the predicted label's attribution, minus attention's
    - `taylor`, `random_lead`: attribution's pruning AUC minus Taylor's (the paper's reading), and minus the random
      orders'
    - `foreign_loss`: AUC lost by pruning in another task's order
    - `tree`, `tree_lead`: recovered share of the tree, and that minus random trees'
    - `growth`: the trees' mean distance, in tokens from first to last layer
    - `triggers`, `trigger_lead`: foreign drop of the best mined triggers, and of all mined ones minus random ones
    - `steps20`: relative edge error of 20 right-rule steps
    """
    accuracy = [100 * record["accuracy"] for record in records["finetune"] if record["task"] == task]
    found: dict[str, float | None] = {"accuracy": round(float(np.mean(accuracy)), 4)}
    for column, (key, scale) in STATISTICS.items():
        known = [one.estimate for one in statistics[key.experiment] if (one.task, one.key) == (task, key)]
        value = known[0].value if known and known[0] else None
        found[column] = None if value is None else round(scale * value, 4)
    attributed = [record for record in records["attribute"] if record["task"] == task]
    counts = [(record["unconverged"], record["estimates"]) for record in attributed]
    short = [100 * count / of for count, of in counts if count is not None]
    return found | {"unconverged": round(float(np.mean(short)), 4) if short else None}
