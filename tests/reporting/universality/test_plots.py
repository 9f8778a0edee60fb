import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import rgb_to_hsv, to_rgb

from pipeline.errors import InputError
from pipeline.reporting.panels import save_figure
from pipeline.reporting.universality.plots import shown_pairs, universality_figure

LAYERS, HEADS = 3, 4


def importance_of(tasks, seeds, *, layers=LAYERS, low=0.0):
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {"task": task, "seed": seed, "layer": layer, "head": head, "importance": generator.uniform(low, 1)}
        for task in tasks
        for seed in seeds
        for layer in range(layers)
        for head in range(HEADS)
    )


def pairs_of(tasks, seeds):
    models = [{"task": task, "seed": seed} for task in tasks for seed in seeds]
    return [
        {"a": a, "b": b, "same_task": a["task"] == b["task"]} | {"pearson": number / 100, "spearman": -number / 100}
        for number, (a, b) in enumerate(itertools.combinations(models, 2))
    ]


def names(pairs):
    return [(pair["a"]["task"], pair["a"]["seed"], pair["b"]["task"], pair["b"]["seed"]) for pair in pairs]


def panels_of(figure):
    return [ax for ax in figure.axes if ax.get_title(loc="left")]


def test_pairs_of_tasks_of_the_first_seed_and_then_two_seeds_of_each_task_are_shown():
    assert names(shown_pairs(pairs_of(("rte", "mnli", "sst2"), (3, 1, 2)))) == [
        ("rte", 3, "mnli", 3),
        ("rte", 3, "sst2", 3),
        ("mnli", 3, "sst2", 3),
        ("rte", 3, "rte", 1),
        ("mnli", 3, "mnli", 1),
        ("sst2", 3, "sst2", 1),
    ]
    assert names(shown_pairs(pairs_of(("rte", "mnli"), (1,)))) == [("rte", 1, "mnli", 1)]
    assert names(shown_pairs(pairs_of(("rte",), (1, 2)))) == [("rte", 1, "rte", 2)]
    assert shown_pairs([]) == []


def test_every_head_is_a_point_at_its_importance_in_both():
    importance, pairs = importance_of(("rte", "mnli"), (1, 2)), pairs_of(("rte", "mnli"), (1, 2))
    panels = panels_of(universality_figure(importance.sample(frac=1, random_state=0), pairs))
    expected = [("rte", 1, "mnli", 1), ("rte", 1, "rte", 2), ("mnli", 1, "mnli", 2)]
    assert len(panels) == len(expected)
    for ax, (task, seed, other_task, other_seed) in zip(panels, expected, strict=True):
        x, y = (
            importance[(importance["task"] == one) & (importance["seed"] == number)]["importance"]
            for one, number in ((task, seed), (other_task, other_seed))
        )
        np.testing.assert_allclose(ax.collections[0].get_offsets(), np.column_stack([x, y]))
        assert ax.collections[0].get_array().tolist() == [layer for layer in (1, 2, 3) for _ in range(HEADS)]
        (line,) = ax.lines
        assert line.get_xy1() == (0, 0)
        assert line.get_slope() == 1
        assert ax.get_xlim() == ax.get_ylim() == pytest.approx((-0.05, 1.05))


def test_panels_name_the_models_and_their_correlations():
    figure = universality_figure(importance_of(("rte", "sst2"), (1, 2)), pairs_of(("rte", "sst2"), (1, 2)))
    tasks, seeds, _ = panels_of(figure)
    assert tasks.get_title(loc="left") == "RTE and SST-2"
    assert tasks.texts[0].get_text() == "r = 0.01, ρ = -0.01"
    assert (tasks.get_xlabel(), tasks.get_ylabel()) == ("importance in RTE", "importance in SST-2")
    assert seeds.get_title(loc="left") == "RTE, two seeds"
    assert seeds.texts[0].get_text() == "r = 0.00, ρ = 0.00"
    assert (seeds.get_xlabel(), seeds.get_ylabel()) == ("importance in RTE, seed 1", "importance in RTE, seed 2")


def test_a_correlation_that_is_undefined_is_a_dash():
    (pair,) = pairs_of(("rte", "sst2"), (1,))
    figure = universality_figure(importance_of(("rte", "sst2"), (1,)), [pair | {"pearson": None, "spearman": None}])
    assert panels_of(figure)[0].texts[0].get_text() == "r = –, ρ = –"


@pytest.mark.parametrize("layers", [2, 6, 12, 24])
def test_layers_differ_in_grey_too_and_the_key_names_them(layers):
    figure = universality_figure(importance_of(("rte", "sst2"), (1,), layers=layers), pairs_of(("rte", "sst2"), (1,)))
    points = figure.axes[0].collections[0]
    grey = [np.dot(to_rgb(points.to_rgba(layer + 1)), (0.299, 0.587, 0.114)) for layer in range(layers)]
    assert all(np.diff(grey) < -0.3 / layers)
    assert rgb_to_hsv(to_rgb(points.to_rgba(1)))[1] > 0.5  # the lightest is no white
    key = figure.axes[-1]
    ticks = [int(tick) for tick in key.get_xticks()]
    assert ticks == list(range(1, layers + 1, 2 if layers > 12 else 1))
    assert key.get_xlabel() == "layer"


def test_negative_importance_is_in_the_panel():
    figure = universality_figure(importance_of(("rte", "sst2"), (1,), low=-2), pairs_of(("rte", "sst2"), (1,)))
    ax = figure.axes[0]
    lowest = np.min(ax.collections[0].get_offsets())
    assert lowest < -1
    assert ax.get_xlim()[0] < lowest
    assert ax.get_xlim() == ax.get_ylim()


@pytest.mark.parametrize(("tasks", "seeds"), [(("negation", "inference"), (1,)), (("rte", "mnli"), (1, 2))])
def test_nothing_is_cut_off_and_nothing_overlaps(tasks, seeds):
    figure = universality_figure(importance_of(tasks, seeds), pairs_of(tasks, seeds))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    page, boxes = figure.bbox, [ax.get_tightbbox(canvas.get_renderer()) for ax in figure.axes]
    for box in boxes:
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1  # noqa: PT018
    assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))


def test_equal_figures_give_equal_bytes_whatever_the_users_settings(tmp_path):
    for name, rc in [("a", {}), ("b", {"font.size": 20, "scatter.marker": "x", "image.cmap": "jet"})]:
        with matplotlib.rc_context(rc):
            figure = universality_figure(importance_of(("rte", "sst2"), (1,)), pairs_of(("rte", "sst2"), (1,)))
            save_figure(figure, tmp_path / name, dpi=30)
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_one_model_has_no_figure():
    with pytest.raises(InputError, match="two tasks or two seeds"):
        universality_figure(importance_of(("rte",), (1,)), [])
