"""The errors a caller of the method can make."""


class AttributionError(ValueError):
    """A model or an input that cannot be attributed; the message names the value and the remedy."""
