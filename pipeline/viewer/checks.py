"""What a text must be before it is explained; needs neither torch nor a model."""

from pipeline.errors import InputError


def check_text(text: str, *, name: str) -> None:
    """Raise InputError, naming the text as `name`, if it is empty or holds what is no character."""
    if not text.strip():
        raise InputError(f"{name} is empty: there is nothing to explain")
    # Half a character, or a byte that was no UTF-8 where the text came from.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"{name} is no Unicode text: give it in UTF-8")
