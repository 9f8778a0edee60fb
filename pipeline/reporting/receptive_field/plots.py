"""The figures of the receptive field: how far tree edges reach, and whether they stay within a sentence, by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.reporting.panels import legend_below, numbers, panels, where
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLUE, GREEN, RC, VERMILLION, MethodStyle, task_name

if TYPE_CHECKING:
    from pipeline.values.schema import Figures

SPECIAL_TOKENS = {
    "without": MethodStyle("special tokens left out", BLUE, "o"),
    "with": MethodStyle("special tokens included", VERMILLION, "s", (0, (4, 1.6)), filled=False),
}
BOX = {"facecolor": BLUE, "alpha": 0.35, "linewidth": 0}
MEAN = {"marker": "D", "linestyle": "", "markersize": 4, "markeredgecolor": "white", "markeredgewidth": 0.5}
BOXES, POINTS = 0.7, 0.3  # how much of the space between two layers is for what stands side by side in one


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """Distances by layer; shares within a sentence where a task has pairs of them."""
    distances = results.table("receptive_field", "distances")
    found = {"receptive_field": receptive_field_figure(distances)}
    if tasks_with_pairs(distances):
        found["receptive_field_share"] = receptive_field_share_figure(distances)
    return found


def receptive_field_figure(distances: pd.DataFrame) -> Figure:
    """Distance between the ends of tree edges by layer: per task a panel without special tokens and one with them.

    `distances` holds what `receptive_field` writes, for all tasks and seeds: columns task, seed, special_tokens, layer,
    n, edges, mean and quantiles in tokens. Boxes hold the middle half, whiskers the middle 90 %. A layer without edges
    has no box. Seeds stand side by side.
    """
    tasks = list(dict.fromkeys(distances["task"]))
    if not tasks:
        raise InputError("there are no distances to draw: run the receptive_field stage first")
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(2 * len(tasks))
        shown = [(task, name) for task in tasks for name in SPECIAL_TOKENS]
        for number, (ax, (task, name)) in enumerate(zip(axes, shown, strict=True)):
            panel = where(distances, task=task, special_tokens=name)
            for rows, at, width in _side_by_side(panel, ["seed"], spread=BOXES):
                _draw_boxes(ax, rows, at=at, width=width)
            _label_panel(ax, panel, text=SPECIAL_TOKENS[name].label)
            ax.set_ylabel("distance, tokens" if number % 2 == 0 else "")
        for ax in axes:  # once all boxes are drawn: this ends the fitting of the scale that neighbours share
            ax.set_ylim(bottom=0)
        legend_below(
            figure,
            [
                Patch(**BOX, label="middle half; whiskers: middle 90 %"),
                Line2D([], [], color=BLUE, label="median"),
                Line2D([], [], color=GREEN, **MEAN, label="mean"),
            ],
        )
    return figure


def receptive_field_share_figure(distances: pd.DataFrame) -> Figure:
    """Share of tree edges that stay within a sentence, by layer: one panel per task of pairs.

    `distances` as for `receptive_field_figure`, with within (fractions). Seeds stand side by side.

    Raises:
        InputError: if no task has pairs of sentences.
    """
    tasks = tasks_with_pairs(distances)
    if not tasks:
        raise InputError("no task has pairs of sentences whose edges could stay within one")
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(distances, task=task)
            for rows, at, _ in _side_by_side(panel, ["special_tokens", "seed"], spread=POINTS):
                _draw_share(ax, rows, at=at, style=SPECIAL_TOKENS[rows["special_tokens"].iloc[0]])
            _label_panel(ax, panel, text="")
            ax.set_ylabel("edges within a sentence, %" if number % 2 == 0 else "")
            ax.set_ylim(-2, 102)
        legend_below(figure, [Line2D([], [], **_line(style), label=style.label) for style in SPECIAL_TOKENS.values()])
    return figure


def tasks_with_pairs(distances: pd.DataFrame) -> list[str]:
    """The tasks that have edges in pairs of sentences, and so a share of them within one."""
    found = ~np.isnan(numbers(distances, "within"))
    return list(dict.fromkeys(distances["task"].to_numpy()[found]))


def _side_by_side(
    panel: pd.DataFrame, columns: list[str], *, spread: float
) -> list[tuple[pd.DataFrame, NDArray[np.float64], float]]:
    """The panel's rows by the values of `columns`, where along the layers they stand, and how wide they may be."""
    groups = [rows for _, rows in panel.groupby(columns, sort=False)]
    width = spread / len(groups)
    return [
        (rows, rows["layer"].to_numpy(np.float64) + 1 + (place + 0.5) * width - spread / 2, width)
        for place, rows in enumerate(groups)
    ]


def _draw_boxes(ax: Axes, rows: pd.DataFrame, *, at: NDArray[np.float64], width: float) -> None:
    there = rows["edges"].to_numpy() > 0
    columns = {"whislo": "q05", "q1": "q25", "med": "median", "q3": "q75", "whishi": "q95"}
    values = {key: numbers(rows, column)[there] for key, column in columns.items()}
    stats: list[dict[str, Any]] = [
        {key: float(value[number]) for key, value in values.items()} for number in range(int(there.sum()))
    ]
    ax.bxp(
        stats,
        positions=at[there].tolist(),
        widths=0.8 * width,
        showfliers=False,
        patch_artist=True,
        boxprops=BOX,
        medianprops={"color": BLUE},
        manage_ticks=False,
    )
    ax.plot(at[there], numbers(rows, "mean")[there], color=GREEN, **MEAN)


def _draw_share(ax: Axes, rows: pd.DataFrame, *, at: NDArray[np.float64], style: MethodStyle) -> None:
    ax.plot(at, 100 * numbers(rows, "within"), **_line(style))


def _line(style: MethodStyle) -> dict[str, Any]:
    face = style.colour if style.filled else "white"
    return {"color": style.colour, "linestyle": style.dash, "marker": style.marker, "markerfacecolor": face}


def _label_panel(ax: Axes, panel: pd.DataFrame, *, text: str) -> None:
    layers = sorted({int(layer) + 1 for layer in panel["layer"]})
    ax.set_xticks(layers, [str(layer) for layer in layers])
    ax.set_xlim(0.5, len(layers) + 0.5)
    ax.set_xlabel("layer")
    seeds, sizes = np.unique(panel["seed"].to_numpy()), np.unique(panel["n"].to_numpy())
    size = f"n = {' / '.join(f'{size:,}' for size in sizes)}, {len(seeds)} seed{'s' if len(seeds) > 1 else ''}"
    ax.set_title(f"{task_name(panel['task'].iloc[0])}  ({size})", pad=17 if text else None)
    ax.text(0, 1.025, text, transform=ax.transAxes, color="#333333")
