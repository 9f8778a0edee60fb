"""What share of a prediction the edges of attribution trees recover: by threshold, and by the number of edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pipeline.analysis.quantities import Tree
from pipeline.reporting.panels import (
    BAND,
    draw_each_seed,
    draw_lines,
    legend_below,
    method_line,
    panels,
    tasks_of,
    where,
)
from pipeline.reporting.results import Results
from pipeline.reporting.statistics import by_key
from pipeline.reporting.style import (
    BLACK,
    BLUE,
    DASHED,
    DOTTED,
    GREY,
    RC,
    VERMILLION,
    MethodStyle,
    in_order,
    method_style,
    task_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.values.schema import Figures

    Record = Mapping[str, Any]

CURVES = {
    "recovered": MethodStyle("attribution tree", BLUE, "o"),
    "random": MethodStyle("random trees of its size", GREY, "x", DOTTED, filled=False),
    "excess": MethodStyle("excess: the first minus the second", VERMILLION, "s", DASHED),
}


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """What edges recover, by threshold and by their number."""
    statistics = results.statistics("tree")
    return {
        "recovered": recovered_figure(results.table("tree", "curves"), statistics),
        "edges": edges_figure(results.table("tree", "shares")),
    }


def recovered_figure(curves: pd.DataFrame, statistics: Sequence[Record]) -> Figure:
    """Recovered share of trees, of random ones of their size, and the excess, against the threshold; a panel per task.

    `curves` has task, seed, tau, edges, n, recovered, random, excess; thick lines are means over seeds, thin ones the
    seeds. The band is the interval of the excess, from `statistics`. Beneath each threshold stands the mean number of
    inner edges.
    """
    tasks = tasks_of(curves)
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(curves, task=task)
            taus = np.unique(panel["tau"].to_numpy(np.float64))
            for column, style in CURVES.items():
                draw_lines(ax, panel, x="tau", y=column, style=style)
                draw_each_seed(ax, panel, x="tau", y=column, style=style)
            band = [by_key(statistics, task, Tree.EXCESS.key(tau=tau)) for tau in taus]
            known = [(tau, one) for tau, one in zip(taus, band, strict=True) if one and one["low"] is not None]
            ax.fill_between(
                [tau for tau, _ in known],
                [one["low"] for _, one in known],
                [one["high"] for _, one in known],
                color=CURVES["excess"].colour,
                **BAND,
            )
            counts = [float(where(panel, tau=tau)["edges"].to_numpy(np.float64).mean()) for tau in taus]
            ticks = [f"{tau:g}\n{count:.1f}" for tau, count in zip(taus, counts, strict=True)]
            ax.set_xticks(taus, ticks, fontsize=8)
            _label(ax, panel, xlabel="threshold τ; mean edges below", first=number % 2 == 0)
        band = Patch(color=CURVES["excess"].colour, label="95 % interval of the excess", **BAND)
        legend_below(figure, [*(method_line(style, dash=style.dash) for style in CURVES.values()), band])
    return figure


def edges_figure(shares: pd.DataFrame) -> Figure:
    """Recovered share of the largest edges by every map, against the share of edges that are kept; a panel per task.

    `shares` has task, seed, map, share, n, recovered; lines are means over seeds.
    """
    tasks, maps = tasks_of(shares), in_order(shares["map"])
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(shares, task=task)
            for name in maps:
                draw_lines(ax, where(panel, map=name), x="share", y="recovered", style=method_style(name))
            ax.set_xscale("log")
            at = np.unique(panel["share"].to_numpy(np.float64))
            ax.set_xticks(at, [f"{100 * share:.3g}" for share in at])
            ax.minorticks_off()
            _label(ax, panel, xlabel="edges kept of those that a tree may take, %", first=number % 2 == 0)
        legend_below(figure, [method_line(method_style(name), dash=method_style(name).dash) for name in maps])
    return figure


def _label(ax: Axes, panel: pd.DataFrame, *, xlabel: str, first: bool) -> None:
    ax.axhline(0, color=BLACK, linewidth=0.7, zorder=1)
    ax.set_xlabel(xlabel)
    ax.set_ylabel("recovered share" if first else "")
    seeds, sizes = np.unique(panel["seed"].to_numpy()), np.unique(panel["n"].to_numpy())
    size = f"n = {' / '.join(map(str, sizes))}, {len(seeds)} seed{'s' if len(seeds) > 1 else ''}"
    ax.set_title(f"{task_name(panel['task'].iloc[0])}  ({size})")
