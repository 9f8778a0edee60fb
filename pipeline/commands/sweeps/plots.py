"""The figure of a sweep: what its results do as the swept value changes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from pipeline.analysis.intervals import Interval
from pipeline.commands.sweeps.jobs import Job
from pipeline.commands.sweeps.tables import (
    MODEL,
    Number,
    as_number,
    middle,
    natural,
    numbers,
    override_keys,
    varying_keys,
)
from pipeline.reporting.panels import LONE_PANEL_WIDTH, PANEL_HEIGHT, PANEL_WIDTH, legend_below
from pipeline.reporting.style import (
    BLACK,
    BLUE,
    DASHED,
    DOTTED,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RC,
    SKY_BLUE,
    SOLID,
    VERMILLION,
    Dash,
    MethodStyle,
    task_name,
)
from pipeline.reporting.table_text import MISSING

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY_BLUE, BLACK)
LOOKS: list[tuple[str, str, Dash]] = [
    (colour, marker, dash)
    for dash in (SOLID, DASHED, DOTTED)
    for colour, marker in zip(COLOURS, ("o", "s", "D", "^", "v", "p", "X"), strict=True)
]
LOG_RATIO = 30  # an axis whose ends differ by a larger factor is logarithmic


def sweep_figure(jobs: Sequence[Job], *, panels: int) -> Figure:
    """Panels of the jobs' first numbers, at least one, over the swept value; bars are the numbers' intervals.

    The swept value is that of `swept_key`; a line stands for one combination of the other overrides that vary, such as
    one task. A value that is no number, such as `auto`, stands apart from the line.
    """
    found, along = dict([*numbers(jobs).items()][:panels]), swept_key(jobs)
    others = [key for key in varying_keys(jobs) if key != along]
    places = _places(job.overrides.get(along) for job in jobs)
    lines: dict[str, list[Job]] = {}
    for job in sorted(jobs, key=lambda job: [natural(job.overrides.get(key)) for key in [*others, along]]):
        lines.setdefault(_label(job, others), []).append(job)
    styles = [MethodStyle(label, *LOOKS[place % len(LOOKS)]) for place, label in enumerate(lines)]
    with matplotlib.style.context(RC, after_reset=True):
        columns, rows = min(len(found), 2), math.ceil(len(found) / 2)
        width = PANEL_WIDTH * columns if columns > 1 else LONE_PANEL_WIDTH
        figure = Figure(figsize=(width, PANEL_HEIGHT * rows), layout="constrained")
        for number, (name, results) in enumerate(found.items()):
            ax = figure.add_subplot(rows, columns, number + 1)
            for style in styles:
                line = {
                    job.overrides.get(along): results[job.name] for job in lines[style.label] if job.name in results
                }
                _draw_line(ax, line, places, style)
            _scale(ax, places, results.values())
            ax.set_title(name.replace("_", " "))
            ax.set_xlabel(along)
        handles = [Line2D([], [], label=style.label, **_look(style)) for style in styles if others]
        if any(isinstance(number, Interval) for results in found.values() for number in results.values()):
            handles.append(Line2D([], [], color=GREY, marker="|", markersize=10, linestyle="", label="interval"))
        if handles:
            legend_below(figure, handles)
    return figure


def swept_key(jobs: Sequence[Job]) -> str:
    """The override that the figure runs along: of those that vary the one with most values, numbers before text."""
    varying = varying_keys(jobs)

    def rank(key: str) -> tuple[bool, bool, bool, int]:
        values = {job.overrides[key] for job in jobs if key in job.overrides}
        return key in varying, key not in MODEL, any(as_number(value) is not None for value in values), len(values)

    return max(override_keys(jobs), key=rank)


def _places(values: Iterable[str | None]) -> dict[str | None, float]:
    """Where on the axis a value is: numbers at themselves; side by side where some are no numbers."""
    ordered = sorted(set(values), key=natural)
    if all(as_number(value) is not None for value in ordered):
        return {value: as_number(value) or 0.0 for value in ordered}
    return {value: float(place) for place, value in enumerate(ordered)}


def _label(job: Job, keys: Sequence[str]) -> str:
    parts = []
    for key in keys:
        value = job.overrides.get(key, MISSING)
        parts.append(task_name(value) if key == "task" else f"{key.rpartition('.')[2]} {value}")
    return ", ".join(parts)


def _look(style: MethodStyle) -> dict[str, Any]:
    line = {"color": style.colour, "linestyle": style.dash, "linewidth": 1.5}
    return line | {"marker": style.marker, "markeredgecolor": "white", "markeredgewidth": 0.5}


def _draw_line(
    ax: Axes, points: Mapping[str | None, Number], places: Mapping[str | None, float], style: MethodStyle
) -> None:
    line = [value for value in points if as_number(value) is not None]
    apart = [value for value in points if as_number(value) is None]
    for values, dash in ((line, style.dash), (apart, "")):
        at, height = [places[value] for value in values], [middle(points[value]) for value in values]
        ax.plot(at, height, **{**_look(style), "linestyle": dash}, zorder=3)
    for value, number in points.items():
        if isinstance(number, Interval):
            ax.vlines(places[value], number.low, number.high, color=style.colour, linewidth=1, alpha=0.6)


def _scale(ax: Axes, places: Mapping[str | None, float], results: Iterable[Number]) -> None:
    scalars = [result for result in results if not isinstance(result, Interval)]  # an interval may reach below zero
    if scalars and _spans(scalars):
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
    numeric = all(as_number(value) is not None for value in places)
    logarithmic = numeric and _spans(places.values())
    if logarithmic:
        ax.set_xscale("log")
    if logarithmic or not numeric:
        ax.set_xticks(list(places.values()), [value or MISSING for value in places])
        ax.set_xticks([], minor=True)
    if not numeric:
        ax.set_xlim(-0.5, len(places) - 0.5)


def _spans(values: Iterable[float]) -> bool:
    """Whether positive values differ by a large factor."""
    found = list(values)
    return min(found) > 0 and max(found) / min(found) > LOG_RATIO
