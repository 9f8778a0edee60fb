"""How well every method's scores agree with knock-outs, and what groups of edges lose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.reporting.panels import (
    legend_below,
    marker,
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
    """AUROC of query-key pairs by every method; what is lost without groups of pairs."""
    return {
        "truth": method_dots(
            results.statistics("truth"),
            prefix="auroc/pairs/",
            known_nothing=0.5,
            xlabel="AUROC of query-key pairs with an effect",
        ),
        "truth_groups": groups_figure(results.table("truth", "groups")),
    }


def groups_figure(groups: pd.DataFrame) -> Figure:
    """Log-odds lost without the pairs of the largest scores, against their number; a panel per task.

    `groups` has task, seed, method, size, n, lost; thick lines are means over seeds, thin ones the seeds.
    """
    tasks, methods = tasks_of(groups), in_order(groups["method"])
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(groups, task=task)
            for method in methods:
                style = method_style(method)
                by_seed = where(panel, method=method).pivot_table(index="size", columns="seed", values="lost")
                at, lost = by_seed.index.to_numpy(np.float64), by_seed.to_numpy(np.float64)
                if lost.shape[1] > 1:
                    ax.plot(at, lost, color=style.colour, linestyle=style.dash, linewidth=0.6, alpha=0.5)
                line = {"color": style.colour, "linestyle": style.dash, "linewidth": 1.5}
                ax.plot(at, lost.mean(axis=1), **line, **marker(style))
            ax.axhline(0, color=BLACK, linewidth=0.7, zorder=1)
            ax.set_xscale("log")
            sizes = np.unique(panel["size"].to_numpy())
            ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
            ax.minorticks_off()
            ax.set_xlabel("query-key pairs removed together")
            ax.set_ylabel("" if number % 2 else "log-odds lost")
            numbers, seeds = np.unique(panel["n"].to_numpy()).tolist(), len(np.unique(panel["seed"].to_numpy()))
            ax.set_title(panel_title(task, sizes=numbers, seeds=seeds))
        legend_below(figure, [method_line(method_style(method), dash=method_style(method).dash) for method in methods])
    return figure
