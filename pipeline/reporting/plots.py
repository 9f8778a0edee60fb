"""The figures of the effectiveness and the head-pruning experiment, and how a figure becomes files.

Plot functions take the stages' `curves.csv` of all tasks and seeds, concatenated, and return a Figure. They draw on a
`Figure` of their own rather than through pyplot, so that nothing is shared and nothing has to be closed.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.errors import InputError
from pipeline.reporting.panels import (
    draw_interval,
    draw_interval_key,
    draw_random,
    draw_seeds,
    label_panel,
    legend_below,
    majority_line,
    method_line,
    panels,
    random_handles,
    where,
)
from pipeline.reporting.style import DASHED, GREY, NORMALISATIONS, RC, SOLID, Dash, in_order, method_style

DIRECTIONS: dict[str, Dash] = {"lowest_first": SOLID, "highest_first": DASHED}


def effectiveness_figure(curves: pd.DataFrame, majority: Mapping[str, float]) -> Figure:
    """Accuracy against heads masked in every layer, one panel per task (the paper's effectiveness figure).

    `curves` has the columns task, seed, method, direction, k, n, accuracy, low, high (fractions); `majority` maps a
    task to the share of its largest class. Lines are means over seeds; with one seed the band is the 95 % Wilson
    interval, with more the thin lines are the seeds.
    """
    tasks, methods = _tasks(curves), in_order(curves["method"])
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for ax, task in zip(axes, tasks, strict=True):
            panel = where(curves, task=task)
            for method, (direction, dash) in [(m, d) for m in methods for d in DIRECTIONS.items()]:
                rows, style = where(panel, method=method, direction=direction), method_style(method)
                if len(np.unique(panel["seed"].to_numpy())) == 1:
                    draw_interval(ax, rows, x="k", style=style)
                draw_seeds(ax, rows, x="k", scale=1, style=style, dash=dash)
            label_panel(ax, panel, majority=majority[task], xlabel="heads masked in every layer")
            heads = int(np.max(panel["k"].to_numpy()))
            ax.set_xticks(range(0, heads + 1, math.ceil(heads / 12)))
            ax.set_ylim(-2, 102)
        handles = [method_line(method_style(method), dash=SOLID) for method in methods]
        handles += [
            Line2D([], [], color=GREY, linestyle=SOLID, label="lowest-ranked heads masked first"),
            Line2D([], [], color=GREY, linestyle=DASHED, label="highest-ranked heads masked first"),
            majority_line(),
        ]
        legend_below(figure, handles)
    return figure


def pruning_figure(curves: pd.DataFrame, majority: Mapping[str, float]) -> Figure:
    """Accuracy against the share of all heads pruned, lowest importance first (the paper's pruning figure).

    One panel per task and way to normalise the importance, `none` beside `layer_l2`. `curves` has the columns task,
    seed, method, normalise, order, rate, n, accuracy, low, high (fractions). The grey band holds the middle 90 % of
    the random orders (all seeds together), the dotted line their mean; the bar at the lower left is the widest 95 %
    Wilson interval of one accuracy in the panel.
    """
    is_random = (curves["method"] == "random").to_numpy()
    ranked, random = curves.loc[~is_random], curves.loc[is_random]
    methods, found = in_order(ranked["method"]), set(ranked["normalise"])
    shown = [(task, name) for task in _tasks(ranked) for name in NORMALISATIONS if name in found]
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(shown))
        for ax, (task, normalise) in zip(axes, shown, strict=True):
            panel, orders = where(ranked, task=task, normalise=normalise), where(random, task=task)
            if len(orders):
                draw_random(ax, orders)
            # Attribution comes first in the legend and last in the panel, on top of the others.
            for method in reversed(methods):
                style = method_style(method)
                draw_seeds(ax, where(panel, method=method), x="rate", scale=100, style=style, dash=style.dash)
            label_panel(ax, panel, majority=majority[task], xlabel="heads pruned, %")
            ax.set_title(ax.get_title(loc="left"), pad=17)
            ax.text(0, 1.025, f"importance {NORMALISATIONS[normalise]}", transform=ax.transAxes, color="#333333")
            ax.set_xticks(range(0, 101, 20))
        for ax, (task, normalise) in zip(axes, shown, strict=True):  # once the shared limits are final
            draw_interval_key(ax, where(ranked, task=task, normalise=normalise))
        handles = [method_line(method_style(method), dash=method_style(method).dash) for method in methods]
        legend_below(figure, [*handles, *(random_handles() if len(random) else []), majority_line()])
    return figure


def save_figure(figure: Figure, path_without_suffix: Path, *, dpi: int) -> None:
    """Write the figure as .svg and .png, without the dates and versions that would make equal figures differ."""
    stem = path_without_suffix.name
    with matplotlib.style.context(RC, after_reset=True):
        figure.savefig(path_without_suffix.with_name(f"{stem}.svg"), metadata={"Date": None, "Creator": None})
        figure.savefig(path_without_suffix.with_name(f"{stem}.png"), dpi=dpi, metadata={"Software": None})


def _tasks(curves: pd.DataFrame) -> list[str]:
    if curves.empty:
        raise InputError("there are no curves to draw: run the effectiveness and prune stages first")
    return list(dict.fromkeys(curves["task"]))
