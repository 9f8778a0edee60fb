"""The page itself: one HTML text that loads nothing, with its data in it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.viewer.view import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = Path(__file__).parent / "page"
# In the order in which they are read: what a later one uses is in an earlier one.
SCRIPTS = ("data", "state", "drawing", "save", "tokens", "tree", "shares", "heads", "maps", "edges", "facts", "main")


def viewer_block(examples: Sequence[Mapping[str, Any]], *, tau: float = 0.4) -> str:
    """The viewer of packed examples as markup to be put into a page, once; it brings its styles, data and script.

    `tau` is the threshold that is shown first, or rather the closest of the slider's.
    """
    content = {"steps": STEPS, "start": min(round(tau * STEPS), STEPS - 1), "examples": list(examples)}
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    # Within a script element, text that looks like markup would be taken for it.
    data = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return _template("block.html.j2").render(data=Markup(data), style=Markup(_styles()), script=Markup(_script()))  # noqa: S704 - escaped above, and our own


def viewer_page(examples: Sequence[Mapping[str, Any]], *, title: str, tau: float = 0.4) -> str:
    """The viewer of packed examples as a page of its own."""
    return _template("page.html.j2").render(title=title, block=Markup(viewer_block(examples, tau=tau)))  # noqa: S704


@cache
def _script() -> str:
    return "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)


@cache
def _styles() -> str:
    return (FOLDER / "viewer.css").read_text(encoding="utf-8")


def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
