"""How well every method tells the edges that carry the label, and one example with truth, attribution and rivals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure

from pipeline.analysis.quantities import PlantedPaths
from pipeline.errors import InputError
from pipeline.reporting.panels import method_dots, where
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLACK, BLUE, ORANGE, RC, method_style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from pipeline.values.schema import Figures

DRAWN = ("knock_out", "attribution", "gradient_x_attention", "attention")
PANEL = 1.75  # inches
WIDEST = 4.0  # points, of the edge with the largest score


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """AUROC of the carrying edges by method, and the first seed's first example of each design."""
    edges = results.table("planted_paths", "edges")
    return {
        "planted_paths": method_dots(
            results.statistics("planted_paths"),
            quantity=PlantedPaths.AGREEMENT.where(measure="auroc"),
            known_nothing=0.5,
            xlabel="AUROC of the edges that carry the label",
        ),
        "planted_example": example_figure(where(edges, seed=edges["seed"].iloc[0])),
    }


def example_figure(edges: pd.DataFrame) -> Figure:
    """The truth and the scores of the edges of one example per design, side by side.

    `edges` has design, example_id, method, layer, query, key, carries and score, relative to the largest.
    """
    if edges.empty:
        raise InputError("there are no planted edges to draw: run dvc repro")
    designs = list(dict.fromkeys(edges["design"]))
    with matplotlib.style.context(RC, after_reset=True):
        figure = Figure(figsize=(PANEL * (1 + len(DRAWN)), PANEL * len(designs)), layout="constrained")
        axes = np.array(figure.subplots(len(designs), 1 + len(DRAWN), squeeze=False))
        for row, design in zip(axes, designs, strict=True):
            of_design = where(edges, design=design)
            first = where(of_design, example_id=of_design["example_id"].iloc[0])
            truth = where(first, method=DRAWN[0])
            _draw(row[0], truth.assign(score=carrying(truth)))
            row[0].set_ylabel(design)
            for ax, method in zip(row[1:], DRAWN, strict=True):
                _draw(ax, where(first, method=method))
                ax.set_yticklabels([])
        for ax, title in zip(axes[0], ("truth", *(method_style(method).label for method in DRAWN)), strict=True):
            ax.set_title(title, fontsize=9)
    return figure


def carrying(edges: pd.DataFrame) -> np.ndarray:
    """1 for an edge that carries the label, 0 for another; the column is text where it comes from a file."""
    return (edges["carries"].astype(str) == "True").to_numpy(np.float64)


def _draw(ax: Axes, edges: pd.DataFrame) -> None:
    """Tokens from left to right, layers from the bottom up: an edge leads from the key to the query above it."""
    n = int(edges[["query", "key"]].to_numpy().max()) + 1
    layers = int(edges["layer"].to_numpy().max()) + 1
    for level in range(layers + 1):
        ax.plot(range(n), [level] * n, ".", color="#bbbbbb", markersize=3, zorder=1)
    scores = edges["score"].to_numpy(np.float64)
    parts = zip(edges["layer"], edges["query"], edges["key"], scores, carrying(edges), strict=True)
    for layer, query, key, score, carries in parts:
        ax.plot([key, query], [layer, layer + 1], color="#dddddd", linewidth=0.6, zorder=0)
        if abs(score) > 0.005:
            colour = BLUE if carries else ORANGE
            dash = "-" if score > 0 else ":"
            ax.plot([key, query], [layer, layer + 1], color=colour, linewidth=WIDEST * abs(score), linestyle=dash)
    ax.set_xticks([0], ["[CLS]"])
    ax.set_yticks(range(layers + 1), ["words", *(f"layer {layer + 1}" for layer in range(layers))])
    ax.tick_params(labelsize=8, colors=BLACK, length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
