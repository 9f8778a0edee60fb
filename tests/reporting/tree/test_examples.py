from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch

from pipeline.reporting.panels import save_figure
from pipeline.reporting.tree.examples import figures, trees_figure


def edge(query, key, layer, value):
    return {"query": query, "key": key, "layer": layer, "value": value}


@pytest.fixture
def tree():
    """Three layers: token 2 is the root, reads 4 in layer 1, which reads 1 and 3 in layer 0."""
    return {
        "tokens": ["[CLS]", "not", "bad", "$5", "film", "[SEP]"],
        "layers": 3,
        "root": 2,
        "edges": [edge(2, 4, 1, 0.5), edge(4, 1, 0, 0.25), edge(4, 3, 0, 0.1)]
        + [edge(0, token, 2, 0.0) for token in (1, 2, 3, 4)],
        "label": "positive",
        "predicted": "negative",
        "probability": 0.75,
        "head": [1, 0],
        "example_id": "dev-0",
    }


def nodes(ax):
    """Where the nodes are, the root's a diamond: token and height."""
    return {(line.get_marker(), *map(float, line.get_xydata()[0])) for line in ax.lines if line.get_marker() in "oD"}


def test_a_node_stands_at_the_layer_in_which_it_is_attached(tree):
    (ax,) = trees_figure([tree]).axes
    assert nodes(ax) == {("D", 2, 3), ("o", 4, 2), ("o", 1, 1), ("o", 3, 1)}


def test_edges_lead_from_the_reading_token_and_are_as_wide_as_their_attribution(tree):
    (ax,) = trees_figure([tree]).axes
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert [arrow._posA_posB for arrow in arrows] == [[(2, 3), (4, 2)], [(4, 2), (1, 1)], [(4, 2), (3, 1)]]
    widths = [arrow.get_linewidth() for arrow in arrows]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 3


def test_every_token_is_named_and_those_of_the_tree_stand_out(tree):
    (ax,) = trees_figure([tree]).axes
    labels = ax.get_xticklabels()
    assert [label.get_text() for label in labels] == tree["tokens"]
    assert [label.get_fontweight() for label in labels] == ["normal", *["bold"] * 4, "normal"]
    assert ax.get_title(loc="left") == "predicted: negative (0.75), gold: positive"


def test_an_empty_tree_is_drawn_as_what_it_is(tree, tmp_path):
    empty = tree | {"root": None, "edges": [], "label": "negative"}
    figure = trees_figure([empty, tree])
    assert nodes(figure.axes[0]) == set()
    assert figure.axes[0].get_title(loc="left") == "predicted: negative (0.75)"
    save_figure(figure, tmp_path / "trees", dpi=40)
    assert (tmp_path / "trees.svg").stat().st_size > 1000


@pytest.mark.parametrize(("tokens", "layers"), [(40, 12), (3, 1)])
def test_words_do_not_overlap(tree, tokens, layers):
    words = ["[CLS]", *["interesting"] * (tokens - 2), "[SEP]"]
    figure = trees_figure([tree | {"tokens": words, "layers": layers, "root": 1, "edges": []}])
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 <= right.x0 + 0.5 for left, right in pairwise(boxes))


def test_nodes_of_one_layer_are_joined_by_an_arc(tree):
    tree["edges"] = [edge(2, 4, 0, 0.5), edge(4, 1, 0, 0.25)]
    (ax,) = trees_figure([tree]).axes
    bends = [patch.get_connectionstyle().rad for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert bends[0] == 0
    assert bends[1] != 0


class Kept:
    """What the experiments kept for the eye: trees of one task, whole maps of their first example."""

    tasks = ("rte", "sst2")

    def __init__(self, tree, *, maps=True):
        self.tree, self.maps, self.asked = tree, maps, []

    def trees(self, task):
        return [self.tree] if task == "sst2" else []

    def head_maps(self, task, example_id, *, layer, head):
        self.asked.append((task, example_id, layer, head))
        n = len(self.tree["tokens"])
        return (np.full((n, n), 0.5), np.full((n, n), 0.25)) if self.maps else None


@pytest.mark.parametrize(
    ("layer", "head", "shown"), [(None, None, (1, 0)), (0, None, (0, 0)), (None, 3, (1, 3)), (2, 1, (2, 1))]
)
def test_the_heat_map_is_of_the_head_asked_for_or_that_with_the_largest_attribution(tree, layer, head, shown):
    kept = Kept(tree)
    found = figures(kept, SimpleNamespace(heatmap_layer=layer, heatmap_head=head))
    # A task whose sentences are withheld has neither.
    assert list(found) == ["trees_sst2", "heatmap_sst2"]
    assert kept.asked == [("sst2", "dev-0", *shown)]
    title = found["heatmap_sst2"].get_suptitle()
    assert title == f"layer {shown[0] + 1}, head {shown[1] + 1}; predicted: negative"


def test_without_whole_maps_there_are_trees_alone(tree):
    found = figures(Kept(tree, maps=False), SimpleNamespace(heatmap_layer=None, heatmap_head=None))
    assert list(found) == ["trees_sst2"]
