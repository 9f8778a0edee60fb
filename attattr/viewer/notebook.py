"""The viewer in a notebook's cell."""

from dataclasses import dataclass, field
from html import escape


@dataclass(frozen=True)
class Frame:
    """What a notebook shows as HTML."""

    markup: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.markup


def framed(page: str, *, height: int) -> Frame:
    """A page in a frame of its own, `height` pixels high, where its styles and keys are no one else's."""
    return Frame(
        f'<iframe srcdoc="{escape(page)}" title="Attribution viewer" width="100%" height="{height}" frameborder="0">'
        "</iframe>"
    )
