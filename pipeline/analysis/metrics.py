"""The few numbers per task that DVC compares between runs: metrics/<task>.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.records import matching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.analysis.outcomes import Record


AREA = {"method": "attribution_predicted", "minus": "attention"}


def task_metrics(records: Mapping[str, Sequence[Record]], task: str) -> dict[str, float | None]:
    """At most a dozen numbers of one task, means over its seeds; the same names for every task.

    All are in points or percent, save `slope`, in tokens per layer. None is what the run does not have.

    - `accuracy`: dev accuracy
    - `unconverged`: share of (example, layer) pairs whose attribution stopped short of its tolerance
    - `area`: effectiveness area by the predicted label's attribution, minus attention's
    - `taylor`, `random`: attribution's pruning AUC minus Taylor's (the paper's reading), and minus the random orders'
    - `foreign`: AUC lost by pruning in another task's order
    - `tree`: faithfulness of the tree minus that of random trees
    - `slope`: slope of the trees' mean distance
    - `triggers`, `control`: drop of the best mined triggers, and that minus the best random ones'
    - `steps20`: relative edge error of 20 right-rule steps
    """

    def mean(experiment: str, value: Callable[[Record], float | None]) -> float | None:
        found = [value(record) for record in records[experiment] if record["task"] == task]
        known = [one for one in found if one is not None]
        return round(float(np.mean(known)), 4) if known else None

    functional = [one for one in records["universality"][0]["functional"] if one["task"] == task]
    foreign = [one["lost"]["value"] for one in functional]
    return {
        "accuracy": mean("finetune", lambda r: 100 * r["accuracy"]),
        "unconverged": mean("attribute", lambda r: _share(r["unconverged"], r["estimates"])),
        "area": mean(
            "effectiveness",
            lambda r: _value(matching(r["area_difference"], **AREA)),
        ),
        "taylor": mean("prune", lambda r: _value(matching(r["leads"], over="taylor", normalise="none"))),
        "random": mean("prune", lambda r: _value(matching(r["leads"], over="random", normalise="none"))),
        "foreign": round(float(np.mean(foreign)), 4) if foreign else None,
        "tree": mean("tree", lambda r: 100 * r["random"]["difference"]["value"]),
        "slope": mean("receptive_field", lambda r: _value(r["slope"])),
        "triggers": mean("triggers", lambda r: _points(r["best"].get("mined", {}).get("mean_drop"))),
        "control": mean("triggers", lambda r: _points(r["best"].get("random", {}).get("lead"))),
        "steps20": mean("convergence", lambda r: _points(r.get("paper", {}).get("error"))),
    }


def _value(part: Mapping[str, Any] | None) -> float | None:
    return part["value"] if part else None


def _points(part: Mapping[str, Any] | None) -> float | None:
    return 100 * part["value"] if part else None


def _share(count: int | None, of: int) -> float | None:
    return None if count is None else 100 * count / of
