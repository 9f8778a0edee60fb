"""What the outputs of a classifier are, and what it says by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attattr.attention import class_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from transformers import PreTrainedModel

    from attattr.output import Output

Kind = Literal["classes", "labels", "values"]
THRESHOLD = 0.5


def kind_of(model: PreTrainedModel) -> Kind:
    """Whether the outputs are classes of which one is right, labels of which any number may be, or values.

    As the config's `problem_type` says. Without one a single output is a value, as transformers trains it.
    """
    problem, count = model.config.problem_type, class_count(model)
    if problem == "regression" or (problem is None and count == 1):
        return "values"
    return "labels" if problem == "multi_label_classification" or count == 1 else "classes"


def probabilities(logits: Tensor, kind: Kind) -> list[float]:
    """Of one example's `logits`, `(outputs,)`: of classes together one, of labels each for itself, of values none."""
    if kind == "values":
        return []
    return (logits.softmax(dim=0) if kind == "classes" else logits.sigmoid()).tolist()


def predicted(found: Sequence[float], kind: Kind) -> tuple[int, ...]:
    """By their probabilities: the likeliest class; labels above `THRESHOLD`, the likeliest first; of values none."""
    order = sorted(range(len(found)), key=lambda label: -found[label])
    return tuple(order[:1]) if kind == "classes" else tuple(label for label in order if found[label] > THRESHOLD)


def name_of(output: Output, kind: Kind) -> str:
    """What is explained, as it is shown: the only output that values have is the value itself."""
    return "value" if kind == "values" else output
