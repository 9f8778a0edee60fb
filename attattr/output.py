"""The scalar F that is explained: a function of the logits and the target class."""

from typing import Literal, get_args

import torch
from torch import Tensor

from attattr.errors import AttributionError

Output = Literal["probability", "logit", "log_probability", "margin"]
OUTPUTS: tuple[str, ...] = get_args(Output)


def evaluate(logits: Tensor, target: Tensor, *, output: Output) -> Tensor:
    """F of each row: logits `(batch, classes)`, target `(batch,)` class ids; returns `(batch,)`.

    `margin` is the logit minus the log-sum-exp of all others: the log-odds, and of two classes their difference.
    """
    match output:
        case "probability":
            scores = logits.softmax(dim=-1)
        case "logit":
            scores = logits
        case "log_probability":
            scores = logits.log_softmax(dim=-1)
        case "margin":
            others = logits.scatter(1, target[:, None], -torch.inf)
            scores = logits - others.logsumexp(dim=-1, keepdim=True)
        case _:
            raise AttributionError(f"output is {output!r}: it must be one of {', '.join(OUTPUTS)}")
    return scores.gather(1, target[:, None]).squeeze(1)
