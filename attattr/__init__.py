"""Self-attention attribution: the method, in torch and transformers alone."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attattr.attention import masked_heads
    from attattr.attribution import Attribution, attribute, gradient_x_attention
    from attattr.errors import AttributionError
    from attattr.explanations import Explanations, explain
    from attattr.tree import AttributionTree, attribution_tree

__all__ = [
    "Attribution",
    "AttributionError",
    "AttributionTree",
    "Explanations",
    "attribute",
    "attribution_tree",
    "explain",
    "gradient_x_attention",
    "masked_heads",
]

_MODULES = {
    "Attribution": "attribution",
    "AttributionError": "errors",
    "AttributionTree": "tree",
    "Explanations": "explanations",
    "attribute": "attribution",
    "attribution_tree": "tree",
    "explain": "explanations",
    "gradient_x_attention": "attribution",
    "masked_heads": "attention",
}


# Imported when it is asked for: head masks and trees do not need the integrator.
def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
