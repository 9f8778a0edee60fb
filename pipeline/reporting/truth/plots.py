"""How well every method's scores agree with knock-outs, what groups of edges lose, what shuffled weights leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.reporting.panels import (
    draw_lines,
    legend_below,
    method_dots,
    method_line,
    panel_title,
    panels,
    tasks_of,
    where,
)
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLACK, RC, in_order, method_style

if TYPE_CHECKING:
    from pipeline.values.schema import Figures


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """AUROC of query-key pairs, what is lost without groups of them, and what shuffled weights leave."""
    return {
        "truth": method_dots(
            results.statistics("truth"),
            prefix="auroc/pairs/",
            known_nothing=0.5,
            xlabel="AUROC of query-key pairs with an effect",
        ),
        "truth_groups": line_figure(
            results.table("truth", "groups"),
            x="size",
            y="lost",
            xlabel="query-key pairs removed together",
            ylabel="log-odds lost",
            log=True,
        ),
        "randomised": line_figure(
            results.table("truth", "randomised"),
            x="shuffled",
            y="spearman",
            xlabel="shuffled: the classifier, then layers from the last",
            ylabel="Spearman's r",
            log=False,
        ),
    }


def line_figure(rows: pd.DataFrame, *, x: str, y: str, xlabel: str, ylabel: str, log: bool) -> Figure:
    """A line per method over the column `x`; a panel per task.

    `rows` has task, seed, method and n beside `x` and `y`; thick lines are means over seeds, thin ones the seeds.
    """
    tasks, methods = tasks_of(rows), in_order(rows["method"])
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(rows, task=task)
            for method in methods:
                draw_lines(ax, where(panel, method=method), x=x, y=y, style=method_style(method))
            ax.axhline(0, color=BLACK, linewidth=0.7, zorder=1)
            if log:
                ax.set_xscale("log")
            places = np.unique(panel[x].to_numpy())
            ax.set_xticks(places, [f"{place:g}" for place in places])
            ax.minorticks_off()
            ax.set_xlabel(xlabel)
            ax.set_ylabel("" if number % 2 else ylabel)
            numbers, seeds = np.unique(panel["n"].to_numpy()).tolist(), len(np.unique(panel["seed"].to_numpy()))
            ax.set_title(panel_title(task, sizes=numbers, seeds=seeds))
        legend_below(figure, [method_line(method_style(method), dash=method_style(method).dash) for method in methods])
    return figure
