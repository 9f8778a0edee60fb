"""What the edges of attribution trees carry at every threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.reporting.panels import legend_below, panels, where
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLACK, BLUE, RC, VERMILLION, task_name

if TYPE_CHECKING:
    from pipeline.values.schema import Figures

MEASURES = {
    "sufficiency": (VERMILLION, "o", "sufficiency: lost with the tree only"),
    "comprehensiveness": (BLUE, "s", "comprehensiveness: lost without the tree"),
}


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """What edges carry by threshold."""
    return {"faithfulness": faithfulness_figure(results.table("tree", "curves"))}


def faithfulness_figure(curves: pd.DataFrame) -> Figure:
    """What of the predicted class's probability is lost, against the threshold, with intervals; one panel per task.

    `curves` has task, seed, tau, edges, n, and sufficiency and comprehensiveness with `_low` and `_high`. Beneath each
    threshold stands the mean number of inner edges; seeds are lines of their own.
    """
    tasks = list(dict.fromkeys(curves["task"]))
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(curves, task=task)
            for seed in dict.fromkeys(panel["seed"]):
                rows = where(panel, seed=seed)
                for name, (colour, marker, _) in MEASURES.items():
                    ax.plot(rows["tau"], rows[name], color=colour, marker=marker, linewidth=1.4)
                    ax.fill_between(
                        rows["tau"], rows[f"{name}_low"], rows[f"{name}_high"], color=colour, alpha=0.13, linewidth=0
                    )
            taus = np.unique(panel["tau"].to_numpy())
            counts = [float(np.mean(where(panel, tau=tau)["edges"].to_numpy())) for tau in taus]
            ticks = [f"{tau:g}\n{count:.1f}" for tau, count in zip(taus, counts, strict=True)]
            ax.set_xticks(taus, ticks, fontsize=8)
            ax.set_xlabel("threshold τ; mean edges below")
            ax.set_ylabel("probability lost" if number % 2 == 0 else "")
            ax.axhline(0, color=BLACK, linewidth=0.7, zorder=1)
            ax.set_title(f"{task_name(task)}  (n = {panel['n'].iloc[0]})")
        handles = [Line2D([], [], color=c, marker=m, label=label) for c, m, label in MEASURES.values()]
        legend_below(figure, handles)
    return figure
