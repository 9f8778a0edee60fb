"""Figures inside the page: the same drawing in fewer bytes, at a size at which all text is equally large."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from pipeline.errors import InputError

PIXELS_PER_POINT = 5 / 3  # two panels side by side then fill the page
DIGITS = 5  # that count: a hundredth of a point, finer than any screen or printer
# What may stand in a data URI as it is; the rest, such as # and %, is escaped.
SAFE = " !$'()*+,-./:;=?@[]_"


@dataclass(frozen=True)
class Embedded:
    """A figure as an image of its own, so that element ids and styles of several figures cannot collide."""

    uri: str
    width: int
    height: int


def embedded(svg: str) -> Embedded:
    """The figure as a data URI, and the size in CSS pixels at which the page shows it where there is room."""
    size = re.search(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    if not size:
        raise InputError("a figure has no width and height in points: run dvc repro figures")
    width, height = (round(PIXELS_PER_POINT * float(points)) for points in size.groups())
    return Embedded(f"data:image/svg+xml,{quote(compact(svg), safe=SAFE)}", width, height)


def compact(svg: str) -> str:
    """Without comments, metadata, document type and line breaks, numbers rounded, quoted by what a URI may hold."""
    svg = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s+", " ", svg).replace("> <", "><").strip().replace('"', "'")
    return re.sub(r"\d+\.\d{4,}", lambda number: f"{float(number[0]):.{DIGITS}g}", svg)
