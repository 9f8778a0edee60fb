"""Every figure of a run, one after the other."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from pipeline.reporting.experiments import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

    from pipeline.reporting.experiments import Part
    from pipeline.reporting.results import Results
    from pipeline.values.schema import Figures


class Drawn(NamedTuple):
    """A figure, its name, and the part of its experiment that drew it: `plots` or `examples`."""

    name: str
    figure: Figure
    part: Part


def drawn(results: Results, settings: Figures) -> Iterator[Drawn]:
    """The curves of every experiment, then the single examples; each experiment's are drawn when they are asked for."""
    parts: tuple[Part, ...] = ("plots", "examples")
    for part in parts:
        for experiment in shown(part):
            module = import_module(f"pipeline.reporting.{experiment}.{part}")
            for name, figure in module.figures(results, settings).items():
                yield Drawn(name, figure, part)
