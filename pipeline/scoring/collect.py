"""From the job files to the attribution store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError
from pipeline.values.store import read_rows, replace, write_rows

if TYPE_CHECKING:
    from pipeline.launch.unfinished import Unfinished

MAPS = ("head_sum", "full_attribution", "full_attention")
PLACE = ("split", "example_id", "target")
ERRORS = ("steps", "unconverged", "completeness_gap", "output_change")


def merge(work: Unfinished, names: Sequence[str], order: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    """All rows, by split and position in it (`order`), then by target; independent of how jobs were cut.

    Raises:
        InputError: if a file has been damaged since it was written.
    """
    rows: list[dict[str, Any]] = []
    for name in names:
        content = work.read(name)
        if content is None:
            raise InputError(f"{work.path(name)} was damaged while attribute ran: run the same command again")
        rows += read_rows(content)
    rows.sort(key=lambda row: (order[row["split"], row["example_id"]], row["target"]))
    keys = [(row["split"], row["example_id"], row["target"]) for row in rows]
    if len(set(keys)) != len(keys):
        raise RuntimeError("an example was attributed twice")
    if {key[:2] for key in keys} != set(order):
        raise RuntimeError("an example was not attributed")
    return rows


def write_store(folder: Path, rows: list[dict[str, Any]], *, layers: int, heads: int) -> None:
    """Write `rows` by what they are read for.

    `outcomes.parquet`: numbers per layer that say how exact the scores are; `heads.parquet`: numbers per head;
    `maps.parquet`: head-summed maps; `full.safetensors`: maps of a chosen few.
    """
    from safetensors.numpy import save

    write_rows(folder / "outcomes.parquet", [{k: row[k] for k in (*PLACE, "n", *ERRORS)} for row in rows])
    elsewhere = (*MAPS, *ERRORS)
    write_rows(folder / "heads.parquet", [{k: v for k, v in row.items() if k not in elsewhere} for row in rows])
    keys = (*PLACE, "target_class", "n", "head_sum")
    write_rows(folder / "maps.parquet", [{k: row[k] for k in keys} for row in rows if row["head_sum"] is not None])
    tensors = {}
    for row in rows:
        if row["full_attribution"] is not None:
            shape = (layers, heads, row["n"], row["n"])
            for name in ("attribution", "attention"):
                values = np.asarray(row[f"full_{name}"], np.float32).reshape(shape)
                tensors[f"{row['example_id']}.{row['target']}.{name}"] = values
    replace(folder / "full.safetensors", save(tensors))


def unconverged(rows: Sequence[dict[str, Any]]) -> tuple[int, int] | None:
    """How many estimates, one per row and layer, stopped at `max_steps` short of their tolerance, and of how many."""
    flags = [short for row in rows for short in row["unconverged"]]
    return (sum(flags), len(flags)) if any(flags) else None
