"""Attribution trees of single examples as the paper draws them, and the heat map of one head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from pipeline.reporting.results import Results
from pipeline.reporting.style import BLACK, BLUE, GREY, RC, VERMILLION, token_space
from pipeline.reporting.tree.heatmap import attention_and_attribution_figure

if TYPE_CHECKING:
    from pipeline.values.schema import Figures

LEVEL, MARGIN = 0.42, 1.0  # inches
LIGHT, FAINT = "#c4c4c4", "#6b6b6b"
THICKEST = 4.0


def figures(results: Results, settings: Figures) -> dict[str, Figure]:
    """Per task, trees of some examples, and the attention of the first of them beside its attribution."""
    found = {}
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


def trees_figure(trees: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw trees one above the other: tokens along the axis, height by layer, width by attribution.

    Each of `trees` has tokens, layers, root, edges (query, key, layer, value), label, predicted, probability,
    the classes by name. A token's node stands at the layer in which it is attached, the root below the last
    layer; grey lines are [CLS] reading the tree in the last layer.
    """
    with matplotlib.style.context(RC, after_reset=True):
        widest = max(len(tree["tokens"]) for tree in trees)
        width = widest * token_space(widest, beside=MARGIN) + MARGIN
        heights = [LEVEL * (tree["layers"] + 1) + 1.5 for tree in trees]
        figure = Figure(figsize=(max(width, 5.0), sum(heights)), layout="constrained")
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
        colour, shape, size = (VERMILLION, "D", 7) if token == root else (BLUE, "o", 5)
        ax.plot(token, at, shape, color=colour, markersize=size, zorder=3)
    ax.plot(0, layers + 1, "s", color=GREY, markersize=5, zorder=3)
    ax.set_xticks(range(len(tokens)), tokens, rotation=90)
    for number, label in enumerate(ax.get_xticklabels()):
        label.set_parse_math(False)  # a token may be a dollar sign
        label.set_color(BLACK if number in height or number == 0 else FAINT)
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
            mutation_scale=6 + 2.5 * width,  # a head wider than its line
            shrinkA=3,
            shrinkB=3,
            linewidth=width,
            color=BLUE,
            alpha=0.75,
            zorder=2,
        )
    )
