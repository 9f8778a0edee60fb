"""The errors a caller of the method can make, and how an argument is seen to be one."""

import math
from numbers import Real


class AttributionError(ValueError):
    """A model or an input that cannot be attributed; the message names the value and the remedy."""


class NonFiniteError(AttributionError):
    """Logits that are not finite; `rows` are their rows of the batch."""

    def __init__(self, rows: list[int]) -> None:
        listed = ", ".join(str(row) for row in rows)
        super().__init__(f"the model's logits are not finite for row {listed} of the batch: check its weights")
        self.rows = rows


def as_number(value: object) -> float:
    """The value where it is a number, and nan, which lies in no range, where it is none."""
    try:
        return float(value) if isinstance(value, Real) else math.nan
    except OverflowError:  # an integer that no float holds
        return math.inf
