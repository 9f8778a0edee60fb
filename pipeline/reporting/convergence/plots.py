"""The figures of attribution's own error: convergence of the rules, and completeness gaps by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.reporting.panels import legend_below, panels, where
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLACK, BLUE, GREY, RC, RULES, VERMILLION, MethodStyle, task_name

if TYPE_CHECKING:
    from pipeline.values.schema import Figures

RESOLUTION = 1e-7  # float32: smaller gaps are rounding


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """The error of the rules, and of the scores that the run used."""
    return {
        "convergence": convergence_figure(results.table("convergence", "curves")),
        "completeness": completeness_figure(results.table("attribute", "completeness")),
    }


def convergence_figure(curves: pd.DataFrame) -> Figure:
    """Relative edge error against the number of steps, both axes logarithmic, one panel per task.

    `curves` has the columns task, seed, rule, steps, n, error (pooled over examples and layers); seeds are averaged
    geometrically.
    """
    tasks = list(dict.fromkeys(curves["task"]))
    found = [rule for rule in RULES if rule in set(curves["rule"])]
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(curves, task=task)
            for rule in found:
                _draw_rule(ax, where(panel, rule=rule), RULES[rule])
            ax.axhline(0.01, color=GREY, linewidth=0.7, zorder=1)
            ax.set_xscale("log", base=2)
            ax.set_yscale("log")
            ticks = sorted({int(steps) for steps in where(panel, rule=found[0])["steps"]})
            ax.set_xticks(ticks, [str(tick) for tick in ticks])
            ax.set_xticks([], minor=True)
            ax.set_xlabel("steps")
            ax.set_ylabel("relative edge error" if number % 2 == 0 else "")
            ax.set_title(f"{task_name(task)}  (n = {panel['n'].iloc[0]})")
        handles = [_handle(RULES[rule]) for rule in found]
        legend_below(figure, [*handles, Line2D([], [], color=GREY, linewidth=0.7, label="1 %")])
    return figure


def completeness_figure(gaps: pd.DataFrame) -> Figure:
    """The distribution of |completeness gap| over dev examples by layer, beside the change of F that it belongs to.

    `gaps` has one row per task, seed and layer: q05, q25, median, q75, q95, max, change (mean). Boxes hold the middle
    half, whiskers the middle 90 %; the largest of all seeds is a cross. Seeds stand side by side.
    """
    tasks = list(dict.fromkeys(gaps["task"]))
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(gaps, task=task)
            seeds = list(dict.fromkeys(panel["seed"]))
            for place, seed in enumerate(seeds):
                _draw_boxes(ax, where(panel, seed=seed), shift=(place + 0.5) / len(seeds) - 0.5, seeds=len(seeds))
            layers = sorted({int(layer) for layer in panel["layer"]})
            ax.set_xticks([layer + 1 for layer in layers], [str(layer + 1) for layer in layers])
            ax.set_yscale("log")
            ax.set_xlabel("layer")
            ax.set_ylabel("|completeness gap|" if number % 2 == 0 else "")
            ax.set_title(f"{task_name(task)}  (n = {panel['n'].iloc[0]:,})")
        legend_below(
            figure,
            [
                Line2D([], [], color=BLUE, linewidth=5, alpha=0.35, label="middle half; whiskers: middle 90 %"),
                Line2D([], [], color=VERMILLION, marker="x", linestyle="", label="largest"),
                Line2D([], [], color=BLACK, marker="_", linestyle="", label="mean change of F that is explained"),
            ],
        )
    return figure


def _draw_rule(ax: Axes, rows: pd.DataFrame, style: MethodStyle) -> None:
    if set(rows["rule"]) == {"auto"}:
        rows = rows.assign(steps=rows["steps"].mean())  # one star for all seeds
    logarithms = rows.assign(error=np.log(rows["error"].clip(lower=RESOLUTION)))
    by_steps = logarithms.pivot_table(index="steps", values="error")["error"]
    line = {"color": style.colour, "linestyle": style.dash, "linewidth": 1.4, "marker": style.marker}
    ax.plot(by_steps.index.to_numpy(), np.exp(by_steps.to_numpy()), **line)


def _handle(style: MethodStyle) -> Line2D:
    return Line2D([], [], color=style.colour, linestyle=style.dash, marker=style.marker, label=style.label)


def _draw_boxes(ax: Axes, rows: pd.DataFrame, *, shift: float, seeds: int) -> None:
    at = [float(layer) + 1 + 0.8 * shift for layer in rows["layer"]]
    width = 0.55 / seeds

    def clipped(column: str) -> list[float]:
        return rows[column].clip(lower=RESOLUTION).tolist()

    columns = zip(*map(clipped, ("q05", "q25", "median", "q75", "q95")), strict=True)
    stats: list[dict[str, Any]] = [
        {"whislo": low, "q1": q1, "med": middle, "q3": q3, "whishi": high} for low, q1, middle, q3, high in columns
    ]
    box = {"facecolor": BLUE, "alpha": 0.35, "linewidth": 0}
    ax.bxp(
        stats,
        positions=at,
        widths=width,
        showfliers=False,
        patch_artist=True,
        boxprops=box,
        medianprops={"color": BLUE},
        manage_ticks=False,
    )
    ax.plot(at, clipped("max"), "x", color=VERMILLION, markersize=4)
    ax.plot(at, clipped("change"), "_", color=BLACK, markersize=14 / seeds)
