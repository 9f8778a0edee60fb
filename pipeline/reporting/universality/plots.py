"""The figure of the universality experiment: head importance in one task against that in another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from pipeline.errors import InputError
from pipeline.reporting.panels import panels, where
from pipeline.reporting.results import Results
from pipeline.reporting.style import GREY, RC, task_name
from pipeline.reporting.table_text import MISSING

if TYPE_CHECKING:
    from pipeline.values.schema import Figures

SHADES = "viridis_r"  # lightness falls steadily from the first layer to the last, so that grey shows the layers too
SIDE = 3.9  # inches, of a panel with its labels
MARGIN = 0.05  # beside the outermost heads
KEY = 0.5  # inches, of the layers' key

Pair = Mapping[str, Any]


def figures(results: Results, _settings: Figures) -> dict[str, Figure]:
    """Head importance, task against task; none with one model."""
    pairs = results.records("universality")[0]["pairs"]
    if not shown_pairs(pairs):
        return {}
    return {"universality": universality_figure(results.table("universality", "importance"), pairs)}


def universality_figure(importance: pd.DataFrame, pairs: Sequence[Pair]) -> Figure:
    """Normalised head importance, task against task, one point per head (the paper's figure of correlations).

    `importance` has the columns task, seed, layer, head, importance; `pairs` are those of the experiment's record, of
    which `shown_pairs` are drawn. r is Pearson's, ρ Spearman's; on the line a head is as important in both.

    Raises:
        InputError: if there is no pair.
    """
    shown = shown_pairs(pairs)
    if not shown:
        raise InputError("universality has no pair of models to draw: it needs two tasks or two seeds")
    layers = int(np.max(importance["layer"].to_numpy())) + 1
    low = min(0.0, float(np.min(importance["importance"].to_numpy()))) - MARGIN
    norm = BoundaryNorm(np.arange(layers + 1) + 0.5, matplotlib.colormaps[SHADES].N)
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(shown))
        figure.set_size_inches(SIDE * min(len(shown), 2), SIDE * math.ceil(len(shown) / 2) + KEY)
        for ax, pair in zip(axes, shown, strict=True):
            ax.axline((0, 0), slope=1, color=GREY, linewidth=0.7, zorder=1)
            _draw_heads(ax, importance, pair, norm)
            ax.set_xlim(low, 1 + MARGIN)
            ax.set_ylim(low, 1 + MARGIN)
            ax.set_box_aspect(1)
            ax.tick_params(labelleft=True)  # neighbours share the scale, but show different tasks
        key = figure.colorbar(ScalarMappable(norm, SHADES), ax=axes, location="bottom", aspect=40, pad=0.02)
        key.set_label("layer")
        key.set_ticks(range(1, layers + 1, math.ceil(layers / 12)))
        key.ax.tick_params(length=0)
    return figure


def shown_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs of tasks of the first seed that has most of them, then each task's first two seeds."""
    of_one_seed = [pair for pair in pairs if not pair["same_task"] and pair["a"]["seed"] == pair["b"]["seed"]]
    seeds = [pair["a"]["seed"] for pair in of_one_seed]
    of_tasks = [pair for pair in of_one_seed if pair["a"]["seed"] == max(seeds, key=seeds.count)]
    of_seeds = {pair["a"]["task"]: pair for pair in reversed(pairs) if pair["same_task"]}
    tasks = dict.fromkeys(pair["a"]["task"] for pair in pairs)
    return [*of_tasks, *(of_seeds[task] for task in tasks if task in of_seeds)]


def _draw_heads(ax: Axes, importance: pd.DataFrame, pair: Pair, norm: BoundaryNorm) -> None:
    a, b = (where(importance, **pair[side]).sort_values(["layer", "head"]) for side in ("a", "b"))
    ax.scatter(
        a["importance"].to_numpy(),
        b["importance"].to_numpy(),
        c=a["layer"].to_numpy() + 1,
        cmap=SHADES,
        norm=norm,
        s=24,
        linewidth=0.5,
        edgecolor="#333333",
    )
    names = [task_name(pair[side]["task"]) for side in ("a", "b")]
    seeds = [f", seed {pair[side]['seed']}" if pair["same_task"] else "" for side in ("a", "b")]
    ax.set_xlabel(f"importance in {names[0]}{seeds[0]}")
    ax.set_ylabel(f"importance in {names[1]}{seeds[1]}")
    ax.set_title(f"{names[0]}, two seeds" if pair["same_task"] else " and ".join(names), pad=17)
    correlations = f"r = {in_digits(pair['pearson'])}, ρ = {in_digits(pair['spearman'])}"
    ax.text(0, 1.02, correlations, transform=ax.transAxes, color="#333333")


def in_digits(correlation: float | None) -> str:
    """Two decimals; a dash where it is undefined."""
    return MISSING if correlation is None else f"{correlation:z.2f}"
