"""The parts that the curve figures share: panels, lines, bands, legend; and how a figure becomes files.

Plot functions take tables and return a Figure. They draw on a `Figure` of their own rather than through pyplot, so that
nothing is shared and nothing has to be closed.
"""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from pipeline.analysis.keys import Quantity
from pipeline.errors import InputError
from pipeline.reporting.style import (
    BLACK,
    GREY,
    METHODS,
    RANDOM,
    RC,
    Dash,
    MethodStyle,
    in_order,
    method_style,
    task_name,
)
from pipeline.values.store import replace

PANEL_HEIGHT, PANEL_WIDTH, LONE_PANEL_WIDTH = 3.2, 4.4, 6.4  # inches; a lone panel is as wide as its legend
LEGEND_LINE = 0.22
RANDOM_RANGE = (0.05, 0.95)
MOST_WITH_SEEDS = 4  # methods in a panel, above which thin lines of every seed could not be told apart
BAND = {"alpha": 0.2, "linewidth": 0}


def panels(count: int) -> tuple[Figure, list[Axes]]:
    """Make `count` panels, at most two side by side, so that the text stays legible at the width of a page."""
    columns, rows = min(count, 2), math.ceil(count / 2)
    width = PANEL_WIDTH * columns if columns > 1 else LONE_PANEL_WIDTH
    figure = Figure(figsize=(width, PANEL_HEIGHT * rows), layout="constrained")
    axes = [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
    for left, right in zip(axes[::2], axes[1::2], strict=False):
        right.sharey(left)
        right.tick_params(labelleft=False)
    for ax in axes[::2]:
        ax.set_ylabel("dev accuracy, %")
    return figure, axes


def tasks_of(curves: pd.DataFrame) -> list[str]:
    """The tasks that a table of curves is about, a panel each; InputError if it is empty."""
    if curves.empty:
        raise InputError("there are no curves to draw: run dvc repro")
    return list(dict.fromkeys(curves["task"]))


def legend_below(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    """Put one legend for all panels under them, on lines that the figure grows by."""
    per_line = 2 if len(figure.axes) == 1 else 3
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * math.ceil(len(handles) / per_line))
    figure.legend(handles=list(handles), loc="outside lower center", ncols=per_line)


def where(curves: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Pick the rows whose columns have these values."""
    chosen = np.ones(len(curves), bool)
    for column, value in values.items():
        chosen &= (curves[column] == value).to_numpy()
    return curves.loc[chosen]


def method_dots(
    statistics: Sequence[Mapping[str, Any]], *, quantity: Quantity, known_nothing: float, xlabel: str
) -> Figure:
    """Draw a statistic of every method with its interval, one panel per task.

    The `quantity` is of a method; `statistics` are its rows, among others. A line marks what a method has that knows
    nothing; with several seeds the small strokes are theirs.
    """
    read = [(one, key.parts["method"]) for one in statistics if (key := quantity.read(one["name"]))]
    rows = [(one, method) for one, method in read if method in METHODS]
    if not rows:
        raise InputError(f"there is no {quantity.form} to draw: run dvc repro")
    tasks = list(dict.fromkeys(one["task"] for one, _ in rows))
    methods = in_order(method for _, method in rows)
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        figure.set_layout_engine("constrained", w_pad=0.1)  # inches; the names at the left reach the margin
        for ax, task in zip(axes, tasks, strict=True):
            of_task = [(one, method) for one, method in rows if one["task"] == task]
            # What is undefined has a name and no mark.
            defined = [(one, method) for one, method in of_task if one["value"] is not None]
            for one, method in defined:
                style, place = method_style(method), methods.index(method)
                if len(one["by_seed"]) > 1:
                    ax.plot(one["by_seed"], [place] * len(one["by_seed"]), "|", color=style.colour, markersize=8)
                if one["low"] is not None:
                    ax.plot([one["low"], one["high"]], [place, place], color=style.colour, linewidth=1.5)
                ax.plot([one["value"]], [place], color=style.colour, **marker(style))
            ax.axvline(known_nothing, color=BLACK, linewidth=0.7, zorder=1)
            title = f"{task_name(task)}  (undefined)"
            if defined:
                title = panel_title(task, sizes=[defined[0][0]["n"]], seeds=defined[0][0]["replicates"])
            ax.set_title(title)
            ax.set_xlabel(xlabel)
        for ax in axes[::2]:
            ax.set_ylabel("")
            ax.set_yticks(range(len(methods)), [method_style(method).label for method in methods])
            ax.set_ylim(len(methods) - 0.5, -0.5)
    return figure


def line_figure(rows: pd.DataFrame, *, x: str, y: str, xlabel: str, ylabel: str, log: bool) -> Figure:
    """A line per method over the column `x`; a panel per task.

    `rows` has task, seed, method and n beside `x` and `y`; lines are means over seeds, thin ones the seeds, where there
    are at most `MOST_WITH_SEEDS` methods.
    """
    tasks, methods = tasks_of(rows), in_order(rows["method"])
    parts = (draw_lines, draw_each_seed) if len(methods) <= MOST_WITH_SEEDS else (draw_lines,)
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(rows, task=task)
            for method in methods:
                for draw in parts:
                    draw(ax, where(panel, method=method), x=x, y=y, style=method_style(method))
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


def draw_lines(ax: Axes, rows: pd.DataFrame, *, x: str, y: str, style: MethodStyle) -> None:
    """Draw the column `y` of one method over the column `x`: its mean over seeds. Nothing without rows."""
    if rows.empty:
        return
    at, values = _by_seed(rows, x=x, y=y)
    ax.plot(at, values.mean(axis=1), color=style.colour, linestyle=style.dash, linewidth=1.5, **marker(style))


def draw_each_seed(ax: Axes, rows: pd.DataFrame, *, x: str, y: str, style: MethodStyle) -> None:
    """Draw the same as thin lines, one for each seed; nothing with one seed."""
    at, values = _by_seed(rows, x=x, y=y)
    if values.shape[1] > 1:
        ax.plot(at, values, color=style.colour, linestyle=style.dash, linewidth=0.6, alpha=0.5)


def _by_seed(rows: pd.DataFrame, *, x: str, y: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The places along the column `x`, and the values of the column `y` there, a column for each seed."""
    by_seed = rows.assign(value=numbers(rows, y)).pivot_table(index=x, columns="seed", values="value", dropna=False)
    return by_seed.index.to_numpy(np.float64), by_seed.to_numpy(np.float64)


def draw_interval(ax: Axes, rows: pd.DataFrame, *, x: str, style: MethodStyle) -> None:
    """Shade the interval of every accuracy of one seed."""
    ordered = rows.sort_values(x)
    low, high = percent(ordered, "low"), percent(ordered, "high")
    ax.fill_between(ordered[x].to_numpy(), low, high, color=style.colour, alpha=0.12, linewidth=0)


def draw_random(ax: Axes, orders: pd.DataFrame) -> None:
    """Draw the middle 90 % of the random orders as a band and their mean as a line, over the rate in percent."""
    rates = np.unique(orders["rate"].to_numpy())
    at_rate = [percent(where(orders, rate=rate), "accuracy") for rate in rates]
    low, high = np.transpose([np.quantile(accuracy, RANDOM_RANGE) for accuracy in at_rate])
    ax.fill_between(100 * rates, low, high, color=GREY, **BAND)
    ax.plot(100 * rates, [accuracy.mean() for accuracy in at_rate], color=GREY, linestyle=RANDOM.dash, linewidth=1.5)


def draw_interval_key(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw a bar as long as the widest interval of one accuracy, at the lower left of the panel."""
    half_width = float(np.max(percent(rows, "high") - percent(rows, "low"))) / 2
    bottom, top = ax.get_ylim()
    middle = bottom + half_width + 0.06 * (top - bottom)
    ax.errorbar([3], [middle], yerr=[half_width], color=BLACK, linewidth=1, capsize=2.5)
    ax.set_ylim(bottom, top)


def interval_key() -> Line2D:
    """Make the legend's entry for that bar."""
    return Line2D([], [], color=BLACK, marker="|", markersize=10, linestyle="", label="95 % interval of one accuracy")


def label_panel(ax: Axes, rows: pd.DataFrame, *, majority: float, xlabel: str) -> None:
    """Name task, number of examples and seeds, and mark the share of the majority class."""
    ax.axhline(100 * majority, color=BLACK, linewidth=0.7, zorder=1)
    seeds, sizes = (np.unique(rows[name].to_numpy()).tolist() for name in ("seed", "n"))
    ax.set_title(panel_title(rows["task"].iloc[0], sizes=sizes, seeds=len(seeds)))
    ax.set_xlabel(xlabel)


def panel_title(task: str, *, sizes: Sequence[int], seeds: int) -> str:
    """Name task, numbers of examples and seeds."""
    examples = " / ".join(f"{size:,}" for size in sizes)
    return f"{task_name(task)}  (n = {examples}, {seeds} seed{'s' if seeds > 1 else ''})"


def method_line(style: MethodStyle, *, dash: Dash) -> Line2D:
    """Make the legend's line for a method."""
    return Line2D([], [], color=style.colour, linestyle=dash, label=style.label, **marker(style))


def random_handles() -> list[Line2D | Patch]:
    """Make the legend's entries for the random orders."""
    mean = Line2D([], [], color=GREY, linestyle=RANDOM.dash, linewidth=1.5, label=f"{RANDOM.label}, mean")
    return [mean, Patch(color=GREY, label=f"{RANDOM.label}, middle 90 %", **BAND)]


def majority_line() -> Line2D:
    """Make the legend's entry for the majority class."""
    return Line2D([], [], color=BLACK, linewidth=0.7, label="always the majority class")


def percent(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Read a column of fractions in percent."""
    return 100 * rows[column].to_numpy(np.float64)


def numbers(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Read a column in which what is missing is empty text."""
    return np.array([np.nan if value == "" else float(value) for value in rows[column]])


def marker(style: MethodStyle) -> dict[str, Any]:
    """The keyword arguments of matplotlib's for a method's marker."""
    return {
        "marker": style.marker,
        "markerfacecolor": style.colour if style.filled else "white",
        "markeredgecolor": "white" if style.filled else style.colour,
        "markeredgewidth": 0.5 if style.filled else 1.0,
    }


def save_figure(figure: Figure, path_without_suffix: Path, *, dpi: int, pictures: Path | None = None) -> Path:
    """Write the figure as .svg and .png, without the dates and versions that would make equal figures differ.

    The .png goes to the folder `pictures` where one is named; returns its path.
    """
    stem, folder = path_without_suffix.name, pictures or path_without_suffix.parent
    drawing, picture = io.BytesIO(), io.BytesIO()
    with matplotlib.style.context(RC, after_reset=True):
        figure.savefig(drawing, format="svg", metadata={"Date": None, "Creator": None})
        # Laid out once: the layout takes longer than the drawing.
        figure.set_layout_engine("none")
        figure.savefig(picture, format="png", dpi=dpi, metadata={"Software": None})
    replace(path_without_suffix.with_name(f"{stem}.svg"), drawing.getvalue())
    replace(folder / f"{stem}.png", picture.getvalue())
    return folder / f"{stem}.png"
