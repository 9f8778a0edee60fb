"""The few numbers per task that DVC compares between runs: metrics/<task>.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.analysis.outcomes import Record
    from pipeline.analysis.statistics import Statistic

# Column: experiment, statistic, and what makes points or percent of its unit.
STATISTICS = {
    "area": ("effectiveness", "lead/attribution_predicted-attention_max", 1),
    "taylor": ("prune", "lead/taylor/none", 1),
    "random": ("prune", "lead/random/none", 1),
    "foreign": ("universality", "lost", 1),
    "tree": ("tree", "recovered/tree", 100),
    "beside": ("tree", "recovered/tree-random", 100),
    "growth": ("receptive_field", "growth", 1),
    "triggers": ("triggers", "foreign_drop/best", 1),
    "control": ("triggers", "foreign_drop/mined-random", 1),
    "steps20": ("convergence", "error/right-20", 100),
}


def task_metrics(
    records: Mapping[str, Sequence[Record]], statistics: Mapping[str, Sequence[Statistic]], task: str
) -> dict[str, float | None]:
    """At most a dozen numbers of one task, over all its models; the same names for every task.

    All are in points or percent, save `growth`, in tokens. None is what the run does not have.

    - `accuracy`: dev accuracy
    - `unconverged`: share of (example, layer) pairs whose attribution stopped short of its tolerance
    - `area`: effectiveness area by the predicted label's attribution, minus attention's
    - `taylor`, `random`: attribution's pruning AUC minus Taylor's (the paper's reading), and minus the random orders'
    - `foreign`: AUC lost by pruning in another task's order
    - `tree`, `beside`: recovered share of the tree, and that minus random trees'
    - `growth`: the trees' mean distance, in tokens from first to last layer
    - `triggers`, `control`: foreign drop of the best mined triggers, and of all mined ones minus random ones
    - `steps20`: relative edge error of 20 right-rule steps
    """
    accuracy = [100 * record["accuracy"] for record in records["finetune"] if record["task"] == task]
    found: dict[str, float | None] = {"accuracy": round(float(np.mean(accuracy)), 4)}
    for column, (experiment, name, scale) in STATISTICS.items():
        known = [one.estimate for one in statistics[experiment] if (one.task, one.name) == (task, name)]
        value = known[0].value if known and known[0] else None
        found[column] = None if value is None else round(scale * value, 4)
    attributed = [record for record in records["attribute"] if record["task"] == task]
    counts = [(record["unconverged"], record["estimates"]) for record in attributed]
    short = [100 * count / of for count, of in counts if count is not None]
    return found | {"unconverged": round(float(np.mean(short)), 4) if short else None}
