"""How often each method names the planted word first, and accuracy without the heads that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from pipeline.analysis.quantities import Shortcut
from pipeline.reporting.panels import line_figure, method_dots, where
from pipeline.reporting.results import Results

if TYPE_CHECKING:
    from pipeline.values.schema import Figures


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """The word's first places by method, and accuracy on turned rows against the share of heads masked."""
    pruned = results.table("shortcut", "pruned")
    return {
        "shortcut": method_dots(
            results.statistics("shortcut"),
            quantity=Shortcut.FIRST,
            known_nothing=0,
            xlabel="examples in which the word comes first, %",
        ),
        "shortcut_pruned": line_figure(
            where(pruned, rows="turned"),
            x="rate",
            y="accuracy",
            xlabel="share of heads masked, those that read the word most",
            ylabel="accuracy on turned rows",
            log=False,
        ),
    }
