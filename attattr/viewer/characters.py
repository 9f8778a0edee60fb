"""Characters in a terminal: how many columns they take, texts cut to a width, tokens that can be told apart."""

from __future__ import annotations

import re
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LONGEST = 18  # columns of a token


def told_apart(tokens: Sequence[str]) -> list[str]:
    """The tokens as they are shown, at most `LONGEST` columns; of those that look the same, which one it is."""
    return [
        f"{fitted(token.strip() or token, LONGEST - len(mark))}{mark}"
        for token, mark in zip(tokens, marks(tokens), strict=True)
    ]


def marks(tokens: Sequence[str]) -> list[str]:
    """Behind tokens that look the same at `LONGEST` columns which one it is, "(2)"; behind all others nothing."""
    shown = [fitted(token.strip() or token, LONGEST) for token in tokens]
    often, seen = Counter(shown), Counter[str]()
    found = []
    for look in shown:
        seen[look] += 1
        found.append(f"({seen[look]})" if often[look] > 1 else "")
    return found


def fitted(text: str, width: int) -> str:
    """The text in printable characters, cut to `width` columns."""
    shown = printable(text)
    if columns(shown) <= width:
        return shown
    ends = accumulate(columns(character) for character in shown)
    return f"{''.join(character for character, end in zip(shown, ends, strict=True) if end <= width - 3)}..."


def printable(text: str) -> str:
    """The text with a question mark for every character that a terminal could take for a command, or not write."""
    return "".join(character if character.isprintable() else "?" for character in text)


def padded(text: str, width: int) -> str:
    """The text with spaces behind it up to `width` columns."""
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """How many columns a terminal needs for printable characters: two for wide ones, none for combining ones."""
    return sum(
        0 if category(character) in ("Mn", "Me") else 1 + (east_asian_width(character) in ("W", "F"))
        for character in text
    )


def wrapped(text: str, width: int) -> str:
    """The text broken at spaces, not before %, into lines of at most `width` columns, save where a word is wider."""
    return "\n".join(_lines(re.split(r" (?!%)", printable(text)), width))


def _lines(words: Iterable[str], width: int) -> Iterator[str]:
    line = ""
    for word in words:
        longer = f"{line} {word}" if line else word
        if line and columns(longer) > width:
            yield line
            longer = word
        line = longer
    yield line
