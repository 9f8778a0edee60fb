"""The page itself: one HTML text that loads nothing, with its data in it."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from attattr.viewer.view import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = Path(__file__).parent / "page"
# In the order in which they are read: what a later one uses is in an earlier one.
SCRIPTS = (
    "data",
    "state",
    "drawing",
    "save",
    "tokens",
    "branches",
    "tree",
    "shares",
    "heads",
    "heat",
    "maps",
    "edges",
    "facts",
    "follow",
    "main",
)


def viewer_block(examples: Sequence[Mapping[str, Any]], *, tau: float = 0.4) -> str:
    """The viewer of packed examples as markup to be put into a page, once; it brings its styles, data and script.

    `tau` is the threshold that is shown first, or rather the closest of the slider's.
    """
    content = {"steps": STEPS, "start": min(round(tau * STEPS), STEPS - 1), "examples": list(examples)}
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    # Within a script element, text that looks like markup would be taken for it.
    data = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return _filled("block", data=data, style=_read("viewer.css"), script=_script())


def viewer_page(examples: Sequence[Mapping[str, Any]], *, title: str, tau: float = 0.4) -> str:
    """The viewer of packed examples as a page of its own."""
    return _filled("page", title=escape(title), block=viewer_block(examples, tau=tau))


def _script() -> str:
    return "\n".join(_read(f"{name}.js") for name in SCRIPTS)


def _filled(name: str, **markup: str) -> str:
    """A template of the folder with markup in its places."""
    return Template(_read(f"{name}.html")).substitute(markup)


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
