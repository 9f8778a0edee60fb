"""Errors a user can mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

LONGEST_REASON = 160  # characters: some libraries explain themselves on a page


class InputError(ValueError):
    """Bad input: a one-line message that names the value and the remedy."""


@contextmanager
def refused(subject: str, *, remedy: str) -> Iterator[None]:
    """Turn whatever another library raises in the block into an InputError: `<subject> (<reason>): <remedy>`.

    For readers of files that come from elsewhere: what they raise on a damaged one is of any type.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        # The text of a KeyError is the key alone.
        kind = f"{type(error).__name__} " if isinstance(error, LookupError) or not str(error).strip() else ""
        reason = shorten(f"{kind}{error}", LONGEST_REASON, placeholder=" ...")
        raise InputError(f"{subject} ({reason.rstrip('.')}): {remedy}") from error
