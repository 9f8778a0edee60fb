"""From the job files to the attribution store, and its summary."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import InputError
from pipeline.values.store import replace, write_rows

MAPS = ("head_sum", "full_attribution", "full_attention")


def merge(files: Sequence[Path], order: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    """All rows, by split and position in it (`order`), then by target; independent of how jobs were cut."""
    import pyarrow.parquet

    rows: list[dict[str, Any]] = []
    for file in files:
        try:
            rows += pyarrow.parquet.read_table(file).to_pylist()
        except (OSError, ValueError) as error:  # pyarrow's own are of both kinds
            reason = str(error).splitlines()[0]
            raise InputError(f"{file} cannot be read; delete it and run attribute again: {reason}") from None
    rows.sort(key=lambda row: (order[row["split"], row["example_id"]], row["target"]))
    keys = [(row["split"], row["example_id"], row["target"]) for row in rows]
    if len(set(keys)) != len(keys):
        raise RuntimeError("an example was attributed twice")
    if {key[:2] for key in keys} != set(order):
        raise RuntimeError("an example was not attributed")
    return rows


def write_store(folder: Path, rows: list[dict[str, Any]], *, layers: int, heads: int) -> None:
    """`heads.parquet`: numbers per head; `maps.parquet`: head-summed maps; `full.safetensors`: maps of a chosen few."""
    from safetensors.numpy import save

    write_rows(folder / "heads.parquet", [{k: v for k, v in row.items() if k not in MAPS} for row in rows])
    keys = ("split", "example_id", "target", "target_class", "n", "head_sum")
    write_rows(folder / "maps.parquet", [{k: row[k] for k in keys} for row in rows if row["head_sum"] is not None])
    tensors = {}
    for row in rows:
        if row["full_attribution"] is not None:
            shape = (layers, heads, row["n"], row["n"])
            for name in ("attribution", "attention"):
                values = np.asarray(row[f"full_{name}"], np.float32).reshape(shape)
                tensors[f"{row['example_id']}.{row['target']}.{name}"] = values
    replace(folder / "full.safetensors", save(tensors))


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
    quantiles = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1}
    return [
        {"task": task, "seed": seed, "layer": layer, "n": len(chosen)}
        | {name: float(np.quantile(gaps[:, layer], share)) for name, share in quantiles.items()}
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
    """Error and cost of the scores of the predicted class on dev, in three numbers.

    `completeness_error` is the mean over examples of the sum over layers of |completeness gap|, as a share of the same
    mean of |change of F| that the scores explain; `mean_steps` is the mean number of steps of an example and layer, and
    `unconverged` counts the estimates, one per example and layer, that stopped short of their tolerance. They have one
    with `steps` auto only: otherwise it is None.
    """
    chosen = [row for row in rows if (row["split"], row["target"]) == ("dev", "predicted")]
    gap, change = (np.abs([row[key] for row in chosen]).mean(axis=0) for key in ("completeness_gap", "output_change"))
    return {
        # Without any change there is nothing to explain, and no gap.
        "completeness_error": float(gap.sum() / (change.sum() or 1.0)),
        "mean_steps": float(np.mean([row["steps"] for row in chosen])),
        "unconverged": int(np.sum([row["unconverged"] for row in chosen])) if steps == "auto" else None,
    }


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts, and per layer how far the attribution is from completeness, for each split and target."""
    summary: dict[str, Any] = {}
    for key in sorted({(row["split"], row["target"]) for row in rows}):
        chosen = [row for row in rows if (row["split"], row["target"]) == key]
        gap = np.abs([row["completeness_gap"] for row in chosen])
        change = np.abs([row["output_change"] for row in chosen])
        summary["/".join(key)] = {
            "examples": len(chosen),
            "mean_tokens": float(np.mean([row["n"] for row in chosen])),
            "completeness_gap": {
                "mean": gap.mean(axis=0).tolist(),
                "max": gap.max(axis=0).tolist(),
            },
            "output_change_mean": change.mean(axis=0).tolist(),
            "steps_mean": np.mean([row["steps"] for row in chosen], axis=0).tolist(),
            "unconverged": np.sum([row["unconverged"] for row in chosen], axis=0).tolist(),
        }
    return summary
