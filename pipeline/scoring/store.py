"""Reading the attribution store."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.values.store import read_rows


def read_heads(folder: Path, *, split: str, target: str) -> list[dict[str, Any]]:
    """The rows of `heads.parquet` for one split and target, in the split's order."""
    return read_rows(folder / "heads.parquet", split=split, target=target)


def per_head(rows: Sequence[dict[str, Any]], column: str, *, layers: int, heads: int) -> Tensor:
    """A column of numbers per head as `(example, layer, head)`, float32."""
    return torch.tensor([row[column] for row in rows]).view(-1, layers, heads)
