"""Self-attention attribution: the method, in torch and transformers alone."""

from pipeline.attattr.attention import masked_heads
from pipeline.attattr.attribution import Attribution, attribute
from pipeline.attattr.errors import AttributionError
from pipeline.attattr.quadrature import quadrature

__all__ = ["Attribution", "AttributionError", "attribute", "masked_heads", "quadrature"]
