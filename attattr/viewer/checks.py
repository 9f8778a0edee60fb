"""What a text must be before it is explained; needs neither torch nor a model."""

from attattr.errors import AttributionError


def check_text(text: str, *, name: str) -> None:
    """Raise AttributionError, naming the text as `name`, if it is empty or holds what is no character."""
    if not text.strip():
        raise AttributionError(f"{name} is empty: there is nothing to explain")
    # Half a character, or a byte that was no UTF-8 where the text came from.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise AttributionError(f"{name} is no Unicode text: give it in UTF-8")
