"""What is asked of a model: the tensors that it reads, its logits, and its files without some of its heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.examples import Example


def inputs(model: PreTrainedModel, examples: Sequence[Example]) -> dict[str, Tensor]:
    """The model's keyword arguments: the examples as one padded batch, `(batch, n)` each, on its device."""
    from attattr.examples import inputs_of

    return inputs_of(model, examples).arguments()


def logits(model: PreTrainedModel, examples: Sequence[Example]) -> Tensor:
    """Float32 logits `(example, classes)` on the CPU, in the order of `examples`."""
    from pipeline.predicting.predict import predict_logits

    return predict_logits(model, examples)


def export(task: str, seed: int, folder: Path, *, method: str, rate: float) -> None:
    """What the command `export` does: the repository's model without the share `rate` of its heads, in files."""
    from pipeline.commands.export import main

    main(["--task", task, "--seed", str(seed), "--method", method, "--rate", str(rate), str(folder)])
