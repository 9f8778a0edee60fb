"""Attribution trees as the paper draws them, and what their edges carry at every threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from pipeline.reporting.panels import legend_below, panels, where
from pipeline.reporting.results import Results
from pipeline.reporting.style import BLACK, BLUE, GREY, RC, VERMILLION, task_name
from pipeline.reporting.tree.heatmap import attention_and_attribution_figure

if TYPE_CHECKING:
    from pipeline.values.schema import Figures

TOKEN, LEVEL = 0.26, 0.42  # inches
LIGHT = "#c4c4c4"
THICKEST = 4.0
MEASURES = {
    "sufficiency": (VERMILLION, "o", "sufficiency: lost with the tree only"),
    "comprehensiveness": (BLUE, "s", "comprehensiveness: lost without the tree"),
}


def trees_figure(trees: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw trees one above the other: tokens along the axis, height by layer, width by attribution.

    Each of `trees` has tokens, layers, root, edges (query, key, layer, value), label, predicted, probability,
    the classes by name. A token's node stands at the layer in which it is attached, the root below the last
    layer; grey lines are [CLS] reading the tree in the last layer.
    """
    with matplotlib.style.context(RC, after_reset=True):
        widest = max(len(tree["tokens"]) for tree in trees)
        heights = [LEVEL * (tree["layers"] + 1) + 1.5 for tree in trees]
        figure = Figure(figsize=(max(TOKEN * widest + 1.0, 5.0), sum(heights)), layout="constrained")
        grid = figure.subplots(len(trees), 1, squeeze=False, height_ratios=heights)
        for ax, tree in zip(grid[:, 0], trees, strict=True):
            _draw_tree(ax, tree)
    return figure


def _draw_tree(ax: Axes, tree: Mapping[str, Any]) -> None:
    layers, tokens, root = tree["layers"], tree["tokens"], tree["root"]
    inner = [edge for edge in tree["edges"] if edge["query"] != 0]
    height = {edge["key"]: edge["layer"] + 1.0 for edge in inner}
    if root is not None:
        height[root] = float(layers)
    for edge in tree["edges"]:
        if edge["query"] == 0:
            ax.plot([0, edge["key"]], [layers + 1, height[edge["key"]]], color=LIGHT, linewidth=0.6, zorder=1)
    largest = max((edge["value"] for edge in inner), default=1.0)
    for edge in inner:
        _draw_edge(ax, edge, height, width=0.6 + (THICKEST - 0.6) * edge["value"] / largest)
    for token, at in height.items():
        ax.plot([token, token], [0, at], color=LIGHT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
        ax.plot(token, at, "o", color=VERMILLION if token == root else BLUE, markersize=5, zorder=3)
    ax.plot(0, layers + 1, "s", color=GREY, markersize=5, zorder=3)
    ax.set_xticks(range(len(tokens)), tokens, rotation=90)
    for number, label in enumerate(ax.get_xticklabels()):
        label.set_parse_math(False)  # a token may be a dollar sign
        label.set_color(BLACK if number in height or number == 0 else "#8a8a8a")
        label.set_fontweight("bold" if number in height else "normal")
    ax.set_yticks([*range(1, layers + 1), layers + 1], [*map(str, range(1, layers + 1)), "[CLS]"])
    ax.set_xlim(-0.7, len(tokens) - 0.3)
    ax.set_ylim(0, layers + 1.4)
    ax.set_ylabel("attached in layer")
    ax.grid(visible=False, axis="x")
    gold = "" if tree["label"] == tree["predicted"] else f", gold: {tree['label']}"
    ax.set_title(f"predicted: {tree['predicted']} ({tree['probability']:.2f}){gold}")


def _draw_edge(ax: Axes, edge: Mapping[str, Any], height: Mapping[int, float], *, width: float) -> None:
    """An arrow from the reading token down to the one that is read; nodes at one height are joined by an arc."""
    start, end = (edge["query"], height[edge["query"]]), (edge["key"], height[edge["key"]])
    level = start[1] == end[1]
    bend = -0.35 if end[0] > start[0] else 0.35
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={bend if level else 0}",
            arrowstyle="-|>",
            mutation_scale=7,
            shrinkA=3,
            shrinkB=3,
            linewidth=width,
            color=BLUE,
            alpha=0.75,
            zorder=2,
        )
    )


def figures(results: Results, settings: Figures) -> dict[str, Figure]:
    """What edges carry by threshold; per task, trees of some examples and the heat map of one head."""
    found = {"faithfulness": faithfulness_figure(results.table("tree", "curves"))}
    for task in results.tasks:
        trees = results.trees(task)
        if not trees:
            continue
        found[f"trees_{task}"] = trees_figure(trees)
        first, chosen = trees[0], (settings.heatmap_layer, settings.heatmap_head)
        layer, head = (own if given is None else given for own, given in zip(first["head"], chosen, strict=True))
        if maps := results.head_maps(task, first["example_id"], layer=layer, head=head):
            title = f"layer {layer + 1}, head {head + 1}; predicted: {first['predicted']}"
            found[f"heatmap_{task}"] = attention_and_attribution_figure(*maps, first["tokens"], title=title)
    return found


def faithfulness_figure(curves: pd.DataFrame) -> Figure:
    """What of the predicted class's probability is lost, against the threshold, with intervals; one panel per task.

    `curves` has task, seed, tau, edges, n, and sufficiency and comprehensiveness with `_low` and `_high`. Beneath each
    threshold stands the mean number of inner edges; seeds are lines of their own.
    """
    tasks = list(dict.fromkeys(curves["task"]))
    with matplotlib.style.context(RC, after_reset=True):
        figure, axes = panels(len(tasks))
        for number, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
            panel = where(curves, task=task)
            for seed in dict.fromkeys(panel["seed"]):
                rows = where(panel, seed=seed)
                for name, (colour, marker, _) in MEASURES.items():
                    ax.plot(rows["tau"], rows[name], color=colour, marker=marker, linewidth=1.4)
                    ax.fill_between(
                        rows["tau"], rows[f"{name}_low"], rows[f"{name}_high"], color=colour, alpha=0.13, linewidth=0
                    )
            taus = np.unique(panel["tau"].to_numpy())
            counts = [float(np.mean(where(panel, tau=tau)["edges"].to_numpy())) for tau in taus]
            ticks = [f"{tau:g}\n{count:.1f}" for tau, count in zip(taus, counts, strict=True)]
            ax.set_xticks(taus, ticks, fontsize=8)
            ax.set_xlabel("threshold τ; mean edges below")
            ax.set_ylabel("probability lost" if number % 2 == 0 else "")
            ax.axhline(0, color=BLACK, linewidth=0.7, zorder=1)
            ax.set_title(f"{task_name(task)}  (n = {panel['n'].iloc[0]})")
        handles = [Line2D([], [], color=c, marker=m, label=label) for c, m, label in MEASURES.values()]
        legend_below(figure, handles)
    return figure
