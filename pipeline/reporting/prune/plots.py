"""The figure of the head-pruning experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from pipeline.reporting.panels import (
    draw_interval_key,
    draw_lines,
    draw_random,
    interval_key,
    label_panel,
    legend_below,
    majority_line,
    method_line,
    panels,
    percent,
    random_handles,
    tasks_of,
    where,
)
from pipeline.reporting.results import Results
from pipeline.reporting.style import METHODS, NORMALISATIONS, RC, in_order, method_style

if TYPE_CHECKING:
    from pipeline.values.schema import Figures


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """Accuracy against the share of heads pruned."""
    # Pruning may be measured on a sample of the dev examples, in which the classes have other shares.
    majority = {record["task"]: record["majority"] for record in results.records("prune")}
    return {"pruning": pruning_figure(results.table("prune", "curves"), majority)}


def pruning_figure(curves: pd.DataFrame, majority: Mapping[str, float]) -> Figure:
    """Accuracy against the share of all heads pruned, lowest importance first (the paper's pruning figure).

    Rankings by attribution with one thing changed are left out: their table says more than so many lines.
    One panel per task and way to normalise the importance, `none` beside `layer_l2`. `curves` has the columns task,
    seed, method, normalise, order, rate, n, accuracy, low, high (fractions). The grey band holds the middle 90 % of
    the random orders (all seeds together), the dotted line their mean; the bar at the lower left is the widest 95 %
    Wilson interval of one accuracy in the panel.
    """
    is_random = (curves["method"] == "random").to_numpy()
    ranked, random = curves.loc[~is_random & curves["method"].isin(METHODS).to_numpy()], curves.loc[is_random]
    methods, found = in_order(ranked["method"]), set(ranked["normalise"])
    shown = [(task, name) for task in tasks_of(ranked) for name in NORMALISATIONS if name in found]
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(shown))
        for ax, (task, normalise) in zip(axes, shown, strict=True):
            panel, orders = where(ranked, task=task, normalise=normalise), where(random, task=task)
            lines = panel.assign(accuracy=percent(panel, "accuracy"), rate=percent(panel, "rate"))
            if len(orders):
                draw_random(ax, orders)
            # Attribution comes first in the legend and last in the panel, on top of the others.
            for method in reversed(methods):
                draw_lines(ax, where(lines, method=method), x="rate", y="accuracy", style=method_style(method))
            label_panel(ax, panel, majority=majority[task], xlabel="heads pruned, %")
            ax.set_title(ax.get_title(loc="left"), pad=17)
            ax.text(0, 1.025, f"importance {NORMALISATIONS[normalise]}", transform=ax.transAxes, color="#333333")
            ax.set_xticks(range(0, 101, 20))
        for ax, (task, normalise) in zip(axes, shown, strict=True):  # once the shared limits are final
            draw_interval_key(ax, where(ranked, task=task, normalise=normalise))
        handles = [method_line(method_style(method), dash=method_style(method).dash) for method in methods]
        legend_below(figure, [*handles, *(random_handles() if len(random) else []), majority_line(), interval_key()])
    return figure
