"""The trees of an example that was explained in full, drawn at thresholds of one's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from attattr.viewer.view import View


def trees_figure(view: View, taus: Sequence[float]) -> Figure:
    """The predicted class's tree at each of the thresholds, hundredths, one above the other."""
    from attattr.viewer.view import STEPS
    from pipeline.reporting.tree import examples

    explanation, classes = view.explanations[0], view.classes
    (predicted,) = view.predicted
    known = {
        "tokens": view.tokens,
        "layers": len(explanation.attribution),
        "label": classes[predicted if view.gold is None else view.gold],
        "predicted": classes[predicted],
        "probability": view.probabilities[predicted],
    }
    trees = [explanation.trees[round(tau * STEPS)] for tau in taus]
    drawn = [{**known, "root": tree.root, "edges": [edge._asdict() for edge in tree.edges]} for tree in trees]
    figure = examples.trees_figure(drawn)
    for ax, tau in zip(figure.axes, taus, strict=True):
        ax.set_title(f"τ = {tau:g}, {ax.get_title(loc='left')}", loc="left", fontsize=10)
    return figure
