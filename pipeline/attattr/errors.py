"""The errors a caller of the method can make."""


class AttributionError(ValueError):
    """A model or an input that cannot be attributed; the message names the value and the remedy."""


class NonFiniteError(AttributionError):
    """Logits that are not finite; `rows` are their rows of the batch."""

    def __init__(self, rows: list[int]) -> None:
        listed = ", ".join(str(row) for row in rows)
        super().__init__(f"the model's logits are not finite for row {listed} of the batch: check its weights")
        self.rows = rows
