"""The error of the attribution scores themselves (docs/method.md, "Completeness")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.analysis.intervals import quantiles
from pipeline.analysis.outcomes import Findings

if TYPE_CHECKING:
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """How far the scores of every model are from completeness, by layer."""
    records, gaps, short = [], [], []
    for model in outcomes.models:
        rows = outcomes.attributions(model)
        found = {"steps": values.attribute.steps, "rule": values.attribute.rule}
        found |= overall(rows, steps=values.attribute.steps) | {"samples": summarise(rows)}
        records.append(model._asdict() | found)
        gaps += gap_rows(rows, **model._asdict())
        short += [model._asdict() | row for row in unconverged_rows(rows)]
    return Findings(records, tables={"completeness": gaps, "unconverged": short})


def gap_rows(rows: list[dict[str, Any]], *, task: str, seed: int) -> list[dict[str, Any]]:
    """Quantiles over dev examples of |completeness gap|, by layer, for the predicted class.

    `change` is the mean |change of F| that the scores explain, `steps` the mean number of steps, `unconverged` counts
    the examples whose estimates stopped short of their tolerance. On the `joint` path "layer" 0 is all of them.
    """
    chosen = [row for row in rows if (row["split"], row["target"]) == ("dev", "predicted")]
    gaps = np.abs([row["completeness_gap"] for row in chosen])
    change = np.abs([row["output_change"] for row in chosen]).mean(axis=0)
    steps = np.mean([row["steps"] for row in chosen], axis=0)
    unconverged = np.sum([row["unconverged"] for row in chosen], axis=0)
    return [
        {"task": task, "seed": seed, "layer": layer, "n": len(chosen)}
        | quantiles(gaps[:, layer])
        | {"change": float(change[layer]), "steps": float(steps[layer]), "unconverged": int(unconverged[layer])}
        for layer in range(gaps.shape[1])
    ]


def unconverged_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every example and layer whose estimate stopped at `max_steps`, short of its tolerance."""
    return [
        {"split": row["split"], "example_id": row["example_id"], "target": row["target"], "layer": layer}
        | {"completeness_gap": row["completeness_gap"][layer], "output_change": row["output_change"][layer]}
        for row in rows
        for layer, short in enumerate(row["unconverged"])
        if short
    ]


def overall(rows: list[dict[str, Any]], *, steps: int | str) -> dict[str, float | None]:
    """Error and cost of the scores of the predicted class on dev, in a few numbers.

    `completeness_error` is the mean over examples of the sum over layers of |completeness gap|, as a share of the same
    mean of |change of F| that the scores explain. There are `estimates`, one per example and layer; `mean_steps` is
    the mean number of their steps, and `unconverged` counts those that stopped short of their tolerance. They have one
    with `steps` auto only: otherwise it is None.
    """
    chosen = [row for row in rows if (row["split"], row["target"]) == ("dev", "predicted")]
    gap, change = (np.abs([row[key] for row in chosen]).mean(axis=0) for key in ("completeness_gap", "output_change"))
    return {
        # Without any change there is nothing to explain, and no gap.
        "completeness_error": float(gap.sum() / (change.sum() or 1.0)),
        "mean_steps": float(np.mean([row["steps"] for row in chosen])),
        "unconverged": int(np.sum([row["unconverged"] for row in chosen])) if steps == "auto" else None,
        "estimates": int(np.size([row["unconverged"] for row in chosen])),
    }


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each split and target: counts, and per layer how far the attribution is from completeness."""
    summary = []
    for split, target in sorted({(row["split"], row["target"]) for row in rows}):
        chosen = [row for row in rows if (row["split"], row["target"]) == (split, target)]
        gap = np.abs([row["completeness_gap"] for row in chosen])
        change = np.abs([row["output_change"] for row in chosen])
        summary.append(
            {
                "split": split,
                "target": target,
                "examples": len(chosen),
                "mean_tokens": float(np.mean([row["n"] for row in chosen])),
                "completeness_gap": {"mean": gap.mean(axis=0).tolist(), "max": gap.max(axis=0).tolist()},
                "output_change_mean": change.mean(axis=0).tolist(),
                "steps_mean": np.mean([row["steps"] for row in chosen], axis=0).tolist(),
                "unconverged": np.sum([row["unconverged"] for row in chosen], axis=0).tolist(),
            }
        )
    return summary
