"""Errors a user can mend."""


class InputError(ValueError):
    """Bad input: a one-line message that names the value and the remedy."""
