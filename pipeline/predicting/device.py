"""Where a model runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch

from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.values.schema import Trainer


def device_for(trainer: Trainer) -> torch.device:
    """Where a model runs under this trainer: on a CPU, or on the first GPU; `auto` is a GPU where torch sees one.

    Raises:
        InputError: if there are fewer GPUs than asked for, or the first one does not work.
    """
    if trainer.accelerator == "cpu":
        return torch.device("cpu")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus == 0 and trainer.accelerator == "auto":
        return torch.device("cpu")
    if gpus == 0:
        raise InputError(f"run.trainer.accelerator is gpu, but {_no_gpu()}: set run.trainer.accelerator=cpu")
    if trainer.devices > gpus:
        raise InputError(f"run.trainer.devices is {trainer.devices}, but torch sees {gpus} GPU: set at most {gpus}")
    try:
        torch.zeros(1, device="cuda")
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the GPU does not work ({reason}): free it, or set run.trainer.accelerator=cpu") from None
    return torch.device("cuda")


def _no_gpu() -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if torch.version.cuda is None and torch.version.hip is None:
        return "this torch is built without CUDA"
    return "torch sees no GPU" + ("" if visible is None else f' (CUDA_VISIBLE_DEVICES is "{visible}")')
