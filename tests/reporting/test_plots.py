import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pipeline.errors import InputError
from pipeline.reporting.effectiveness.plots import effectiveness_figure
from pipeline.reporting.panels import save_figure
from pipeline.reporting.prune.plots import pruning_figure
from pipeline.reporting.style import METHODS, SOLID

MAJORITY = {"negation": 0.52, "inference": 0.36, "mnli": 0.35, "rte": 0.53, "sst2": 0.51}
EFFECTIVENESS = [name for name in METHODS if name.startswith("attribution_")] + ["attention"]
PRUNING = [name for name in METHODS if not name.startswith("attribution_") and name != "random"]


def pick(curves, **values):
    return curves[[all(row[name] == value for name, value in values.items()) for _, row in curves.iterrows()]]


def lines_of(ax, *, colour, marker):
    return [line for line in ax.lines if (line.get_color(), line.get_marker()) == (colour, marker)]


def test_effectiveness_draws_the_accuracies_solid_and_dashed(effectiveness_curves):
    curves = effectiveness_curves()
    figure = effectiveness_figure(curves, MAJORITY)
    assert len(figure.axes) == 2
    for ax, task in zip(figure.axes, ["negation", "inference"], strict=True):
        style = METHODS["attention"]
        solid, dashed = lines_of(ax, colour=style.colour, marker=style.marker)
        for line, direction in [(solid, "lowest_first"), (dashed, "highest_first")]:
            rows = pick(curves, task=task, method="attention", direction=direction)
            np.testing.assert_allclose(line.get_xdata(), [0, 1, 2, 3, 4])
            np.testing.assert_allclose(line.get_ydata(), 100 * rows["accuracy"])
        assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
        assert task in ax.get_title(loc="left")
        assert "n = 200, 1 seed)" in ax.get_title(loc="left")
        assert 100 * MAJORITY[task] in [line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1]


def test_one_seed_has_interval_bands_and_several_have_thin_lines_around_their_mean(effectiveness_curves):
    one, two = effectiveness_curves(tasks=["rte"]), effectiveness_curves(tasks=["rte"], seeds=(1, 2))
    bands = effectiveness_figure(one, MAJORITY).axes[0].collections
    assert len(bands) == 6
    first = pick(one, method="attribution_gold", direction="lowest_first")
    corners = bands[0].get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == pytest.approx((100 * first["low"].min(), 100 * first["high"].max()))

    ax = effectiveness_figure(two, MAJORITY).axes[0]
    assert not ax.collections
    assert "2 seeds" in ax.get_title(loc="left")
    style = METHODS["attribution_gold"]
    mean = lines_of(ax, colour=style.colour, marker=style.marker)[0]
    expected = pick(two, method="attribution_gold", direction="lowest_first").groupby("k")["accuracy"].mean()
    np.testing.assert_allclose(mean.get_ydata(), 100 * expected)
    thin = lines_of(ax, colour=style.colour, marker="None")
    assert len(thin) == 4
    np.testing.assert_allclose(
        thin[0].get_ydata() + thin[1].get_ydata(), 2 * np.asarray(mean.get_ydata()), err_msg="seeds around their mean"
    )


def test_pruning_has_a_panel_per_task_and_normalisation(pruning_curves):
    curves = pruning_curves()
    figure = pruning_figure(curves, MAJORITY)
    panels = list(itertools.product(["negation", "inference"], ["none", "layer_l2"]))
    style = METHODS["taylor"]
    for ax, (task, normalise) in zip(figure.axes, panels, strict=True):
        rows = pick(curves, task=task, normalise=normalise, method="taylor")
        (line,) = lines_of(ax, colour=style.colour, marker=style.marker)
        np.testing.assert_allclose(line.get_xdata(), range(0, 101, 10), atol=1e-9)
        np.testing.assert_allclose(line.get_ydata(), 100 * rows["accuracy"])
    assert len(pruning_figure(pruning_curves(normalise=["none"]), MAJORITY).axes) == 2


def test_the_random_band_holds_the_middle_of_the_orders_in_every_panel(pruning_curves):
    curves = pruning_curves(tasks=["rte"], seeds=(1, 2))
    by_rate = pick(curves, method="random").groupby("rate")["accuracy"]
    for ax in pruning_figure(curves, MAJORITY).axes:
        corners = ax.collections[0].get_paths()[0].vertices
        for rate, low, high in zip(range(11), by_rate.quantile(0.05), by_rate.quantile(0.95), strict=True):
            at = corners[np.isclose(corners[:, 0], 10 * rate), 1]
            assert (at.min(), at.max()) == pytest.approx((100 * low, 100 * high))


def test_the_interval_key_is_as_long_as_the_widest_interval(pruning_curves):
    curves = pruning_curves(tasks=["rte"], normalise=["none"])
    ax = pruning_figure(curves, MAJORITY).axes[0]
    key = ax.containers[0].lines[2][0].get_segments()[0]
    ranked = curves[curves["method"] != "random"]
    assert key[1, 1] - key[0, 1] == pytest.approx(100 * (ranked["high"] - ranked["low"]).max())


@pytest.mark.parametrize("names", [EFFECTIVENESS, PRUNING])
def test_methods_differ_in_colour_or_dash_and_in_marker(names):
    styles = [METHODS[name] for name in names]
    assert len({style.marker for style in styles}) == len(styles)
    assert len({(style.colour, style.dash) for style in styles}) == len(styles)


def test_attribution_is_drawn_solid_and_on_top(pruning_curves):
    ax = pruning_figure(pruning_curves(tasks=["rte"]), MAJORITY).axes[0]
    drawn = [line for line in ax.lines if line.get_marker() not in ("None", "")]
    last = [line for line in drawn if len(line.get_xdata()) == 11][-1]
    assert last.get_color() == METHODS["attribution"].colour
    assert METHODS["attribution"].dash == SOLID


@pytest.mark.parametrize("tasks", [["rte"], ["rte", "sst2", "mnli"]])
def test_nothing_is_cut_off_and_the_legend_covers_no_panel(effectiveness_curves, pruning_curves, tasks):
    figures = [
        effectiveness_figure(effectiveness_curves(tasks=tasks, heads=12), MAJORITY),
        pruning_figure(pruning_curves(tasks=tasks), MAJORITY),
        pruning_figure(pruning_curves(tasks=tasks, normalise=["none"]), MAJORITY),
    ]
    for figure in figures:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer, page = canvas.get_renderer(), figure.bbox
        legend = figure.legends[0].get_window_extent(renderer)
        boxes = [ax.get_tightbbox(renderer) for ax in figure.axes]
        for box in [legend, *boxes]:
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1  # noqa: PT018
        assert not any(legend.overlaps(box) for box in boxes)
        assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))


def test_equal_figures_give_equal_bytes_whatever_the_users_settings(tmp_path, effectiveness_curves, pruning_curves):
    for name, rc in [("a", {}), ("b", {"font.size": 20, "svg.fonttype": "none", "lines.linewidth": 5})]:
        with matplotlib.rc_context(rc):
            save_figure(
                effectiveness_figure(effectiveness_curves(tasks=["rte"]), MAJORITY), tmp_path / f"{name}.e", dpi=60
            )
            save_figure(
                pruning_figure(pruning_curves(tasks=["rte"], normalise=["none"]), MAJORITY),
                tmp_path / f"{name}.p",
                dpi=60,
            )
    for kind in ("e.svg", "e.png", "p.svg", "p.png"):
        content = (tmp_path / f"a.{kind}").read_bytes()
        assert content == (tmp_path / f"b.{kind}").read_bytes()
        for stamp in (matplotlib.__version__.encode(), b"<dc:date>", b"Software"):
            assert stamp not in content


def test_no_curves_and_unknown_methods_are_refused(effectiveness_curves):
    curves = effectiveness_curves()
    with pytest.raises(InputError, match="no curves"):
        effectiveness_figure(curves[:0], MAJORITY)
    with pytest.raises(InputError, match=r"'guess'.*attention"):
        effectiveness_figure(curves.assign(method="guess"), MAJORITY)
