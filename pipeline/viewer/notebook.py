"""The viewer in a notebook's cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import escape

from pipeline.viewer.pack import packed
from pipeline.viewer.page import viewer_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.viewer.view import View


@dataclass(frozen=True)
class Frame:
    """What a notebook shows as HTML."""

    markup: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.markup


def show(views: Sequence[View], *, tau: float = 0.4, height: int = 900) -> Frame:
    """The viewer in a frame of its own, `height` pixels high, where its styles and keys are no one else's."""
    page = escape(viewer_page(packed(views), title="Self-attention attribution", tau=tau))
    return Frame(
        f'<iframe srcdoc="{page}" title="Attribution viewer" width="100%" height="{height}" frameborder="0"></iframe>'
    )
