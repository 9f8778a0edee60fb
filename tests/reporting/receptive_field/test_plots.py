import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pipeline.errors import InputError
from pipeline.reporting.panels import save_figure
from pipeline.reporting.receptive_field.plots import (
    SPECIAL_TOKENS,
    receptive_field_figure,
    receptive_field_share_figure,
    tasks_with_pairs,
)
from pipeline.reporting.style import BLUE, GREEN, VERMILLION
from pipeline.values.store import write_csv

QUANTILES = ("q05", "q25", "median", "q75", "q95", "max")
PAIRED = ("inference", "rte", "mnli", "mrpc")


@pytest.fixture
def distances(tmp_path):
    """What `receptive_field` writes, read back as the figures stage does: missing values are empty text."""

    def make(*, tasks=("negation", "inference"), seeds=(1,), layers=3, empty=()):
        generator = np.random.default_rng(0)
        rows = []
        for task, seed, name, layer in itertools.product(tasks, seeds, ("without", "with"), range(layers)):
            there = layer not in empty
            values = np.sort(generator.uniform(1, 30, len(QUANTILES))).tolist() if there else [None] * len(QUANTILES)
            share = generator.uniform(0, 1) if there and task in PAIRED else None
            rows.append(
                {"task": task, "seed": seed, "special_tokens": name, "layer": layer, "n": 1200, "edges": 9 * there}
                | {"mean": values[2], **dict(zip(QUANTILES, values, strict=True))}
                | {"within": share}
            )
        write_csv(tmp_path / "distances.csv", rows)
        return pd.read_csv(tmp_path / "distances.csv", keep_default_na=False)

    return make


def pick(rows, **values):
    return rows[[all(row[name] == value for name, value in values.items()) for _, row in rows.iterrows()]]


def boxes(ax):
    """Left, right, bottom and top of each box, by left edge."""
    corners = [patch.get_path().vertices for patch in ax.patches]
    return np.array(sorted((c[:, 0].min(), c[:, 0].max(), c[:, 1].min(), c[:, 1].max()) for c in corners))


def whiskers(ax):
    found = [line for line in ax.lines if len(line.get_xdata()) == 2 and len(set(line.get_xdata())) == 1]
    return sorted((float(line.get_xdata()[0]), float(line.get_ydata()[1])) for line in found)


def means(ax):
    points = [line.get_xydata() for line in ax.lines if line.get_color() == GREEN]
    return np.array(sorted(np.concatenate(points).tolist()))


def points_of(ax, colour):
    (line,) = [line for line in ax.lines if line.get_color() == colour]
    return line.get_xydata()


def shows_all(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer, page = canvas.get_renderer(), figure.bbox
    legend = figure.legends[0].get_window_extent(renderer)
    around = [ax.get_tightbbox(renderer) for ax in figure.axes]
    inside = all(
        page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in [legend, *around]
    )
    apart = not any(first.overlaps(second) for first, second in itertools.combinations([legend, *around], 2))
    return inside and apart


# Distances.


def test_every_task_has_a_panel_without_and_one_with_special_tokens(distances):
    rows = distances()
    figure = receptive_field_figure(rows)
    expected = [(task, name) for task in ("negation", "inference") for name in ("without", "with")]
    assert len(figure.axes) == 4
    for ax, (task, name) in zip(figure.axes, expected, strict=True):
        panel = pick(rows, task=task, special_tokens=name)
        assert ax.get_title(loc="left") == f"{task}  (n = 1,200, 1 seed)"
        assert [text.get_text() for text in ax.texts] == [SPECIAL_TOKENS[name].label]
        drawn = boxes(ax)
        np.testing.assert_allclose(drawn[:, :2].mean(axis=1), [1, 2, 3])
        np.testing.assert_allclose(drawn[:, 2:], panel[["q25", "q75"]].astype(float))
        ends = panel[["q05", "q95"]].astype(float).to_numpy()
        np.testing.assert_allclose(whiskers(ax), [(layer + 1, end) for layer, pair in enumerate(ends) for end in pair])
        np.testing.assert_allclose(means(ax), [*enumerate(panel["mean"].astype(float), start=1)])
        medians = [set(line.get_ydata()) for line in ax.lines if line.get_color() == BLUE]
        assert medians == [{value} for value in panel["median"].astype(float)]
        assert (ax.get_xlabel(), [label.get_text() for label in ax.get_xticklabels()]) == ("layer", ["1", "2", "3"])
    assert [ax.get_ylabel() for ax in figure.axes] == ["distance, tokens", ""] * 2


def test_no_whisker_leaves_its_panel(distances):
    rows = distances(tasks=["rte"])
    rows.loc[rows["special_tokens"] == "with", "q95"] = 100.0
    for ax in receptive_field_figure(rows).axes:
        assert ax.get_ylim()[0] == 0
        assert ax.get_ylim()[1] > 100


def test_a_layer_without_edges_has_no_box_but_keeps_its_place(distances):
    ax = receptive_field_figure(distances(tasks=["rte"], layers=4, empty=[0, 2])).axes[0]
    np.testing.assert_allclose(boxes(ax)[:, :2].mean(axis=1), [2, 4])
    np.testing.assert_allclose(means(ax)[:, 0], [2, 4])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "3", "4"]


def test_without_any_edge_the_panel_is_empty(distances):
    figure = receptive_field_figure(distances(tasks=["rte"], empty=[0, 1, 2]))
    assert not any(ax.patches for ax in figure.axes)


def test_two_seeds_stand_side_by_side_around_their_layer(distances):
    rows = distances(tasks=["rte"], seeds=(1, 2))
    ax = receptive_field_figure(rows).axes[0]
    assert "2 seeds" in ax.get_title(loc="left")
    drawn = boxes(ax)
    assert len(drawn) == 6
    for layer in range(3):
        first, second = drawn[2 * layer], drawn[2 * layer + 1]
        assert layer + 0.5 < first[0] < first[1] < layer + 1 < second[0] < second[1] < layer + 1.5
        for box, seed in ((first, 1), (second, 2)):
            (row,) = pick(rows, seed=seed, layer=layer, special_tokens="without").to_dict("records")
            assert tuple(box[2:]) == pytest.approx((row["q25"], row["q75"]))


# Within a sentence.


def test_tasks_of_single_sentences_have_no_share(distances):
    rows = distances(tasks=["sst2", "rte", "negation", "mnli"])
    assert tasks_with_pairs(rows) == ["rte", "mnli"]
    assert len(receptive_field_share_figure(rows).axes) == 2
    assert tasks_with_pairs(distances(tasks=["rte"], empty=[0, 1, 2])) == []
    with pytest.raises(InputError, match="pairs of sentences"):
        receptive_field_share_figure(distances(tasks=["sst2"]))


@pytest.mark.parametrize("tasks", [["rte"], ["rte", "negation"]])
def test_shares_in_percent(distances, tasks):
    rows = distances(tasks=tasks)
    (ax,) = receptive_field_share_figure(rows).axes
    assert ax.get_title(loc="left") == "RTE  (n = 1,200, 1 seed)"
    for name, colour in (("without", BLUE), ("with", VERMILLION)):
        points = points_of(ax, colour)
        within = pick(rows, task="rte", special_tokens=name)["within"].astype(float)
        np.testing.assert_allclose(points[:, 1], 100 * within)
        np.testing.assert_allclose(points[:, 0], [1, 2, 3], atol=0.2)
    assert [text.get_text() for text in receptive_field_share_figure(rows).legends[0].get_texts()] == [
        "special tokens left out",
        "special tokens included",
    ]


def test_the_line_of_shares_has_a_gap_where_a_layer_has_no_edges(distances):
    (ax,) = receptive_field_share_figure(distances(tasks=["rte"], layers=4, empty=[1])).axes
    assert np.isnan(points_of(ax, BLUE)[:, 1]).tolist() == [False, True, False, False]


def test_selections_differ_in_colour_marker_and_dash():
    first, second = SPECIAL_TOKENS.values()
    assert all(getattr(first, name) != getattr(second, name) for name in ("colour", "marker", "dash", "filled"))


# Both.


@pytest.mark.parametrize(("tasks", "seeds"), [(["rte"], (1,)), (["rte", "mnli"], (1, 2))])
def test_nothing_is_cut_off_and_the_legend_covers_no_panel(distances, tasks, seeds):
    rows = distances(tasks=tasks, layers=4, seeds=seeds)
    assert shows_all(receptive_field_figure(rows))
    assert shows_all(receptive_field_share_figure(rows))


def test_equal_figures_give_equal_bytes_whatever_the_users_settings(tmp_path, distances):
    rows = distances(tasks=["rte"], layers=2)
    for name, rc in [("a", {}), ("b", {"font.size": 20, "boxplot.whiskerprops.linewidth": 5, "errorbar.capsize": 9})]:
        with matplotlib.rc_context(rc):
            save_figure(receptive_field_figure(rows), tmp_path / f"{name}.distance", dpi=30)
            save_figure(receptive_field_share_figure(rows), tmp_path / f"{name}.share", dpi=30)
    for kind in ("distance.svg", "distance.png", "share.svg", "share.png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_no_distances_are_refused(distances):
    with pytest.raises(InputError, match="no distances"):
        receptive_field_figure(distances()[:0])
