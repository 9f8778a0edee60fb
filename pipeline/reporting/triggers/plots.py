"""The figure of the triggers: what they cost against their attribution, and beside the controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.style
from matplotlib.lines import Line2D

from pipeline.analysis.quantities import Triggers
from pipeline.analysis.trigger_answers import KINDS
from pipeline.reporting.panels import legend_below, numbers, panels, where
from pipeline.reporting.statistics import by_key
from pipeline.reporting.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RC, VERMILLION, MethodStyle, task_name
from pipeline.values.columns import MINED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pipeline.reporting.results import Results
    from pipeline.values.schema import Figures

    Record = Mapping[str, Any]

POINTS = 0.6  # of a panel's width; the means of every kind take the rest
MOST_TICKS = 8
DOT: dict[str, Any] = {"marker": "o", "color": BLUE, "linestyle": "", "markersize": 4, "alpha": 0.6}
CROSS: dict[str, Any] = {"marker": "x", "color": BLUE, "linestyle": "", "markersize": 5}
LINES = {
    MINED: (BLUE, "o"),
    "attention": (VERMILLION, "s"),
    "hotflip": (PURPLE, "D"),
    "shuffled": (GREEN, "^"),
    "frequency": (ORANGE, "v"),
    "random": (GREY, "X"),
}
STYLES = {kind: MethodStyle(KINDS[kind], *line) for kind, line in LINES.items()}


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """Accuracy lost against attribution."""
    # Without a single trigger the table is empty.
    columns = ["task", "strength", "foreign_drop", "collapses_to"]
    rows = results.table("triggers", "triggers").reindex(columns=columns)
    return {"triggers": triggers_figure(rows, results.records("triggers"), results.statistics("triggers"))}


def triggers_figure(rows: pd.DataFrame, records: Sequence[Record], statistics: Sequence[Record]) -> Figure:
    """Foreign drop of every mined trigger against its attribution, beside the means of every kind.

    One panel per task of `records`, one per model; `rows` are the mined triggers of triggers.csv: task, strength,
    foreign_drop, collapses_to (empty where it does not), those of all seeds drawn alike. Of every kind the mean of all
    triggers (filled) and of the best (open) is drawn with its 95 % interval, from `statistics`. A task without triggers
    has an empty panel.
    """
    tasks = list(dict.fromkeys(record["task"] for record in records))
    kinds = [kind for kind in STYLES if any(record["kinds"].get(kind) for record in records)]
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            of_task = [record for record in records if record["task"] == task]
            _draw_triggers(ax, where(rows, task=task))
            for place, kind in enumerate(kinds):
                every, best = (Triggers.FOREIGN_DROP.key(group=group) for group in (kind, Triggers.BEST[kind]))
                _draw_mean(ax, by_key(statistics, task, every), STYLES[kind], _at(place, kinds, -1))
                _draw_mean(ax, by_key(statistics, task, best), _open(kind), _at(place, kinds, 1))
            patterns = sum(record["mined"]["patterns"] for record in of_task)
            ax.set_title(f"{task_name(task)}  (n = {of_task[0]['n']:,}, {patterns} mined)")
            ax.set_xlabel("attribution of the trigger", x=POINTS / 2)
            ax.set_ylabel("foreign drop, points" if number % 2 == 0 else "")
        handles = [
            Line2D([], [], label="every mined trigger", **DOT),
            Line2D([], [], label="one that collapses to a class", **CROSS),
            _handle(MethodStyle("filled: mean of all of a kind", GREY, "o")),
            _handle(MethodStyle("open: mean of its best", GREY, "o", filled=False)),
            *(_handle(STYLES[kind]) for kind in kinds),
        ]
        legend_below(figure, handles)
    return figure


def _draw_triggers(ax: Axes, rows: pd.DataFrame) -> None:
    """Points in the left part of the panel, over a logarithmic axis."""
    strength, drop = (numbers(rows, name) for name in ("strength", "foreign_drop"))
    collapsing = (rows["collapses_to"].fillna("") != "").to_numpy(bool)
    for style, chosen in ((DOT, ~collapsing), (CROSS, collapsing)):
        ax.plot(strength[chosen], 100 * drop[chosen], **style)
    ax.set_xscale("log", nonpositive="clip")
    known = strength[strength > 0]
    low, high = (0.9 * known.min(), 1.1 * known.max()) if len(known) else (0.01, 1.0)
    ax.set_xlim(low, low * (high / low) ** (1 / POINTS))
    ticks = _ticks(low, high)
    ax.set_xticks(ticks, [f"{at:.2g}" for at in ticks])
    ax.set_xticks([], minor=True)
    ax.axvline(high, color=GREY, linewidth=0.7)
    ax.axhline(0, color=GREY, linewidth=0.7, zorder=1)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`, as many as can be read; these two where there are none between them."""
    for digits in ((1, 2, 5), (1,)):
        numbers = [digit * 10.0**power for power in range(-9, 4) for digit in digits]
        ticks = [at for at in numbers if low <= at <= high]
        if len(ticks) <= MOST_TICKS:
            break
    return ticks if len(ticks) > 1 else [low, high]


def _at(place: int, kinds: Sequence[str], side: int) -> float:
    """Where a mean of a kind stands, as a share of the panel's width; `side` is -1 for all triggers, 1 for the best."""
    return POINTS + (1 - POINTS) * (place + 0.6 + 0.2 * side) / (len(kinds) + 0.2)


def _draw_mean(ax: Axes, statistic: Record | None, style: MethodStyle, at: float) -> None:
    """A mean with its interval, where there is one, in the right part of the panel."""
    if statistic is None or statistic["value"] is None:
        return
    value = statistic["value"]
    low, high = (value if statistic[end] is None else statistic[end] for end in ("low", "high"))
    ax.errorbar(
        [at],
        [value],
        yerr=[[max(0.0, value - low)], [max(0.0, high - value)]],  # rounding may put an end past the value
        transform=ax.get_yaxis_transform(),
        color=style.colour,
        marker=style.marker,
        markerfacecolor=style.colour if style.filled else "white",
        markersize=5,
        linewidth=1.2,
        capsize=2,
    )


def _open(kind: str) -> MethodStyle:
    colour, marker = LINES[kind]
    return MethodStyle(KINDS[kind], colour, marker, filled=False)


def _handle(style: MethodStyle) -> Line2D:
    face = style.colour if style.filled else "white"
    return Line2D(
        [], [], color=style.colour, marker=style.marker, markerfacecolor=face, linewidth=1.2, label=style.label
    )
