"""The figure of the triggers: does a trigger's attribution say how much accuracy it costs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.reporting.panels import legend_below, panels, where
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLUE, GREY, RC, task_name
from pipeline.reporting.triggers.tables import KINDS, MINED

if TYPE_CHECKING:
    from pipeline.values.schema import Figures

POINTS = 0.72  # of a panel's width; the best of each kind take the rest
MOST_TICKS = 8
DOT: dict[str, Any] = {"marker": "o", "color": BLUE, "linestyle": "", "markersize": 4, "alpha": 0.6}
CROSS: dict[str, Any] = {"marker": "x", "color": BLUE, "linestyle": "", "markersize": 5}


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """Accuracy lost against attribution."""
    # Without a single trigger the table is empty.
    rows = results.table("triggers", "triggers").reindex(columns=["task", "strength", "drop", "collapses_to"])
    return {"triggers": triggers_figure(rows, results.records("triggers"))}


def triggers_figure(rows: pd.DataFrame, metrics: Sequence[Mapping[str, Any]]) -> Figure:
    """Dev accuracy lost with every mined trigger against its attribution, beside the best of each kind.

    One panel per task of `metrics`, those of `triggers`; `rows` are its triggers.csv: task, strength, drop,
    collapses_to (empty where it does not). Triggers of all seeds are drawn alike; each seed's best have a mark with
    their mean's 95 % interval over dev examples. A task without triggers has an empty panel.
    """
    tasks = list(dict.fromkeys(record["task"] for record in metrics))
    kinds = [kind for kind in KINDS if any(kind in record["best"] for record in metrics)]
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            records = [record for record in metrics if record["task"] == task]
            _draw_triggers(ax, where(rows, task=task))
            for record, shift in zip(records, np.linspace(-0.3, 0.3, len(records) + 2)[1:-1], strict=True):
                _draw_best(ax, record, kinds, shift=float(shift))
            patterns = sum(record["mined"]["patterns"] for record in records)
            ax.set_title(f"{task_name(task)}  (n = {records[0]['n']:,}, {patterns} mined)")
            ax.set_xlabel("attribution of the trigger", x=POINTS / 2)
            ax.set_ylabel("dev accuracy lost, points" if number % 2 == 0 else "")
        handles = [
            Line2D([], [], label="every mined trigger", **DOT),
            Line2D([], [], label="one that collapses to a class", **CROSS),
            *(_handle(kind) for kind in kinds),
        ]
        legend_below(figure, handles)
    return figure


def _draw_triggers(ax: Axes, rows: pd.DataFrame) -> None:
    """Points in the left part of the panel, over a logarithmic axis."""
    strength, drop = (rows[name].to_numpy(np.float64) for name in ("strength", "drop"))
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


def _draw_best(ax: Axes, record: Mapping[str, Any], kinds: Sequence[str], *, shift: float) -> None:
    """The mean drop of the best of each kind, in the right part of the panel."""
    for place, kind in enumerate(kinds):
        drop = record["best"].get(kind, {}).get("mean_drop")
        if drop:
            value, low, high = (100 * drop[name] for name in ("value", "low", "high"))
            style, at = KINDS[kind], POINTS + (1 - POINTS) * (place + 0.6 + shift) / (len(kinds) + 0.2)
            ax.errorbar(
                [at],
                [value],
                yerr=[[max(0.0, value - low)], [max(0.0, high - value)]],  # rounding may put an end past the value
                transform=ax.get_yaxis_transform(),
                color=style.colour,
                marker=style.marker,
                linewidth=1.2,
                capsize=2,
            )


def _handle(kind: str) -> Line2D:
    style = KINDS[kind]
    label = "the best mined ones" if kind == MINED else f"the best: {style.label}"
    return Line2D([], [], color=style.colour, marker=style.marker, linewidth=1.2, label=label)
