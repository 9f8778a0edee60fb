"""Every figure of a run by its name; those of an experiment are drawn when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pipeline.reporting.experiments import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

    from pipeline.reporting.results import Results
    from pipeline.values.schema import Figures


def curves(results: Results, settings: Figures) -> Iterator[tuple[str, Figure]]:
    """What was measured, experiment by experiment."""
    for experiment in filter(results.has, shown("plots")):
        plots = import_module(f"pipeline.reporting.{experiment}.plots")
        yield from plots.figures(results, settings).items()


def examples(results: Results, settings: Figures) -> Iterator[tuple[str, Figure]]:
    """Single examples."""
    for experiment in shown("examples"):
        module = import_module(f"pipeline.reporting.{experiment}.examples")
        yield from module.figures(results, settings).items()
