"""The page on which a person looks at single examples: what is computed for it, how it is packed, and the page."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.viewer.notebook import show
    from pipeline.viewer.page import viewer_block, viewer_page
    from pipeline.viewer.texts import explain_texts

__all__ = ["explain_texts", "show", "viewer_block", "viewer_page"]

_MODULES = {"explain_texts": "texts", "show": "notebook", "viewer_block": "page", "viewer_page": "page"}


# Imported when it is asked for: the page needs no torch, the measuring no templates.
def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
