"""The figures of the effectiveness experiment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.analysis.intervals import majority_share
from pipeline.analysis.quantities import Effectiveness
from pipeline.reporting.panels import (
    draw_interval,
    draw_lines,
    label_panel,
    legend_below,
    majority_line,
    method_dots,
    method_line,
    panels,
    percent,
    tasks_of,
    where,
)
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLACK, DASHED, RC, SOLID, Dash, in_order, method_style
from pipeline.values.columns import HIGHEST_FIRST, LOWEST_FIRST

if TYPE_CHECKING:
    from pipeline.values.schema import Figures

DIRECTIONS: dict[str, Dash] = {LOWEST_FIRST: SOLID, HIGHEST_FIRST: DASHED}
# Two lines each: more could not be told apart. The areas are shown of all methods.
WITH_CURVES = ("attribution_predicted", "attention_max", "gradient_x_attention", "random")


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """Accuracy against heads masked in every layer; the areas between the curves."""
    majority = {record["task"]: majority_share(record) for record in results.records("finetune")}
    curves = results.table("effectiveness", "curves")
    return {
        "effectiveness": effectiveness_figure(curves, majority),
        "effectiveness_areas": method_dots(
            results.statistics("effectiveness"),
            quantity=Effectiveness.AREA,
            known_nothing=0,
            xlabel="area between the curves, accuracy points",
        ),
    }


def effectiveness_figure(curves: pd.DataFrame, majority: Mapping[str, float]) -> Figure:
    """Accuracy against heads masked in every layer, one panel per task (the paper's effectiveness figure).

    Of the methods `WITH_CURVES`, or of all if the run has none of these. `curves` has the columns task, seed, method,
    direction, k, n, accuracy, low, high (fractions); `majority` maps a task to the share of its largest class. Lines
    are means over seeds; with one seed the band is the 95 % Wilson interval.
    """
    tasks, methods = tasks_of(curves), in_order(curves["method"])
    methods = [method for method in methods if method in WITH_CURVES] or methods
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for ax, task in zip(axes, tasks, strict=True):
            panel = where(curves, task=task)
            for method, (direction, dash) in [(m, d) for m in methods for d in DIRECTIONS.items()]:
                rows, style = where(panel, method=method, direction=direction), method_style(method)
                if len(np.unique(panel["seed"].to_numpy())) == 1:
                    draw_interval(ax, rows, x="k", style=style)
                in_percent = rows.assign(accuracy=percent(rows, "accuracy"))
                draw_lines(ax, in_percent, x="k", y="accuracy", style=replace(style, dash=dash))
            label_panel(ax, panel, majority=majority[task], xlabel="heads masked in every layer")
            heads = int(np.max(panel["k"].to_numpy()))
            ax.set_xticks(range(0, heads + 1, math.ceil(heads / 12)))
            ax.set_ylim(-2, 102)
        handles = [method_line(method_style(method), dash=SOLID) for method in methods]
        handles += [
            Line2D([], [], color=BLACK, linestyle=SOLID, label="lowest-ranked heads masked first"),
            Line2D([], [], color=BLACK, linestyle=DASHED, label="highest-ranked heads masked first"),
            majority_line(),
        ]
        legend_below(figure, handles)
    return figure
