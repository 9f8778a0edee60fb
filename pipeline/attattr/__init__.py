"""Self-attention attribution: the method, in torch and transformers alone."""

from pipeline.attattr.attention import masked_heads
from pipeline.attattr.attribution import Attribution, attribute
from pipeline.attattr.errors import AttributionError
from pipeline.attattr.quadrature import quadrature
from pipeline.attattr.tree import AttributionTree, attribution_tree

__all__ = [
    "Attribution",
    "AttributionError",
    "AttributionTree",
    "attribute",
    "attribution_tree",
    "masked_heads",
    "quadrature",
]
