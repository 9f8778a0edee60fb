"""The number formats in which the engine is measured on a GPU."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Mode:
    """A number format: of products in float32, of the engine's passes, and of the peak's matrices."""

    matmul: str  # as `torch.set_float32_matmul_precision` takes it
    precision: str
    dtype: torch.dtype


MODES = {
    "float32": Mode("highest", "full", torch.float32),
    "TF32": Mode("high", "full", torch.float32),
    "bfloat16": Mode("high", "bfloat16", torch.bfloat16),
}


def within(mode: Mode, run: Callable[[], Any]) -> Callable[[], Any]:
    """`run` under the mode's setting for products in float32."""

    def set_and_run() -> Any:
        torch.set_float32_matmul_precision(mode.matmul)
        return run()

    return set_and_run
