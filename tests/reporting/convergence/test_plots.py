import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import same_color

from pipeline.reporting.convergence.plots import completeness_figure, convergence_figure
from pipeline.reporting.panels import save_figure
from pipeline.reporting.style import BLACK, BLUE, RULES, VERMILLION

STEPS = (2, 5, 20, 64)
QUADRATURE = [rule for rule in RULES if rule != "auto"]


@pytest.fixture
def errors():
    """The curves of `convergence`, in an order that is not that of the figure."""

    def make(*, tasks=("negation", "inference"), seeds=(1,), rules=QUADRATURE):
        generator = np.random.default_rng(0)
        rows = [
            {"task": task, "seed": seed, "rule": rule, "steps": steps, "n": 12, "error": generator.uniform(1e-6, 1)}
            for task in tasks
            for seed in seeds
            for rule in reversed(rules)
            for steps in reversed(STEPS)
        ]
        rows += [
            {"task": task, "seed": seed, "rule": "auto", "steps": 10.5 + seed, "n": 12, "error": 0.001 * seed}
            for task in tasks
            for seed in seeds
        ]
        return pd.DataFrame(rows)

    return make


@pytest.fixture
def gaps():
    def make(*, tasks=("negation", "inference"), seeds=(1,), layers=3):
        generator = np.random.default_rng(1)
        names = ("q05", "q25", "median", "q75", "q95", "max")
        return pd.DataFrame(
            {"task": task, "seed": seed, "layer": layer, "n": 1000}
            | dict(zip(names, np.sort(generator.uniform(1e-5, 0.1, len(names))), strict=True))
            | {"change": generator.uniform(0.1, 1), "steps": 16.0, "unconverged": 0}
            for task in tasks
            for seed in seeds
            for layer in range(layers)
        )

    return make


def pick(rows, **values):
    return rows[[all(row[name] == value for name, value in values.items()) for _, row in rows.iterrows()]]


def line_of(ax, rule):
    style = RULES[rule]
    (line,) = [line for line in ax.lines if (line.get_color(), line.get_marker()) == (style.colour, style.marker)]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def marks(ax, marker, colour):
    """Points `(x, y)` that are drawn with a marker, by x."""
    found = [line for line in ax.lines if (line.get_marker(), line.get_color()) == (marker, colour)]
    points = [point for line in found for point in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    return np.array(sorted(points))


def boxes(ax):
    """Left, right, bottom and top of each box, by left edge."""
    corners = [patch.get_path().vertices for patch in ax.patches]
    found = [(c[:, 0].min(), c[:, 0].max(), c[:, 1].min(), c[:, 1].max()) for c in corners]
    return np.array(sorted(found))


def whiskers(ax):
    """The outer ends of all whiskers: vertical lines that are no part of a box."""
    found = [line for line in ax.lines if len(line.get_xdata()) == 2 and len(set(line.get_xdata())) == 1]
    return sorted((float(line.get_xdata()[0]), float(line.get_ydata()[1])) for line in found)


# Convergence.


def test_every_rules_errors_are_drawn_over_its_steps_in_a_panel_per_task(errors):
    curves = errors()
    figure = convergence_figure(curves)
    assert len(figure.axes) == 2
    for ax, task in zip(figure.axes, ["negation", "inference"], strict=True):
        assert ax.get_title(loc="left") == f"{task}  (n = 12)"
        for rule in QUADRATURE:
            x, y = line_of(ax, rule)
            np.testing.assert_array_equal(x, STEPS)
            np.testing.assert_allclose(y, pick(curves, task=task, rule=rule).sort_values("steps")["error"])
        x, y = line_of(ax, "auto")
        assert (x.tolist(), y.tolist()) == ([11.5], pytest.approx([0.001]))


def test_both_axes_are_logarithmic_and_the_ticks_are_the_steps_that_were_run(errors):
    figure = convergence_figure(errors())
    for ax in figure.axes:
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert ax.get_xticks().tolist() == list(STEPS)
        assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "5", "20", "64"]
        assert ax.get_xlabel() == "steps"
        level = [line.get_ydata() for line in ax.lines if set(line.get_ydata()) == {0.01}]
        assert len(level) == 1
    assert [ax.get_ylabel() for ax in figure.axes] == ["relative edge error", ""]


def test_seeds_are_averaged_geometrically(errors):
    curves = errors(tasks=["rte"], seeds=(1, 2), rules=["right"])
    for seed, error in ((1, 0.1), (2, 0.001)):
        curves.loc[(curves["rule"] == "right") & (curves["seed"] == seed), "error"] = error
    x, y = line_of(convergence_figure(curves).axes[0], "right")
    np.testing.assert_array_equal(x, STEPS)
    np.testing.assert_allclose(y, 0.01)


def test_auto_is_one_star_for_all_seeds(errors):
    """At the mean of the seeds' steps, 11.5 and 12.5, and the geometric mean of their errors, 0.001 and 0.002."""
    x, y = line_of(convergence_figure(errors(tasks=["rte"], seeds=(1, 2))).axes[0], "auto")
    assert x.tolist() == pytest.approx([12])
    assert y.tolist() == pytest.approx([0.001 * np.sqrt(2)])


def test_errors_below_what_float32_resolves_are_drawn_there(errors):
    curves = errors(tasks=["rte"], rules=["midpoint"])
    curves.loc[curves["steps"] == 64, "error"] = 0.0
    curves.loc[curves["steps"] == 20, "error"] = 1e-9
    _, y = line_of(convergence_figure(curves).axes[0], "midpoint")
    np.testing.assert_allclose(y[2:], 1e-7)


def test_only_the_rules_that_were_run_are_in_the_legend_in_one_order(errors):
    def legend(rules):
        return [text.get_text() for text in convergence_figure(errors(rules=rules)).legends[0].get_texts()]

    assert legend(["clenshaw_curtis", "left"]) == [
        "left (authors' code)",
        "Clenshaw-Curtis",
        RULES["auto"].label,
        "1 %",
    ]
    assert len(legend(QUADRATURE)) == len(RULES) + 1


def test_rules_differ_in_marker_and_in_colour():
    assert len({style.marker for style in RULES.values()}) == len(RULES)
    assert len({(style.colour, style.dash) for style in RULES.values()}) == len(RULES)


# Completeness.


def test_boxes_hold_the_middle_half_and_whiskers_the_middle_90_percent(gaps):
    rows = gaps()
    figure = completeness_figure(rows)
    assert len(figure.axes) == 2
    for ax, task in zip(figure.axes, ["negation", "inference"], strict=True):
        of_task = pick(rows, task=task)
        assert ax.get_title(loc="left") == f"{task}  (n = 1,000)"
        assert ax.get_yscale() == "log"
        assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "3"]
        drawn = boxes(ax)
        np.testing.assert_allclose(drawn[:, :2].mean(axis=1), [1, 2, 3])
        np.testing.assert_allclose(drawn[:, 2:], of_task[["q25", "q75"]])
        assert all(same_color(patch.get_facecolor()[:3], BLUE) for patch in ax.patches)
        ends = of_task[["q05", "q95"]].to_numpy()
        np.testing.assert_allclose(
            whiskers(ax), [(layer + 1, end) for layer, pair in enumerate(ends) for end in sorted(pair)]
        )
        medians = [line for line in ax.lines if line.get_color() == BLUE]
        assert [set(line.get_ydata()) for line in medians] == [{value} for value in of_task["median"]]
        np.testing.assert_allclose(marks(ax, "x", VERMILLION), [*enumerate(of_task["max"], start=1)])
        np.testing.assert_allclose(marks(ax, "_", BLACK), [*enumerate(of_task["change"], start=1)])
    assert [ax.get_ylabel() for ax in figure.axes] == ["|completeness gap|", ""]


def test_two_seeds_stand_side_by_side_around_their_layer(gaps):
    rows = gaps(tasks=["rte"], seeds=(1, 2))
    drawn = boxes(completeness_figure(rows).axes[0])
    assert len(drawn) == 6
    for layer in range(3):
        first, second = drawn[2 * layer], drawn[2 * layer + 1]
        assert layer + 0.5 < first[0] < first[1] < layer + 1 < second[0] < second[1] < layer + 1.5
        for box, seed in ((first, 1), (second, 2)):
            (row,) = pick(rows, seed=seed, layer=layer).to_dict("records")
            assert tuple(box[2:]) == pytest.approx((row["q25"], row["q75"]))
    ax = completeness_figure(rows).axes[0]
    crosses = marks(ax, "x", VERMILLION)
    np.testing.assert_allclose(crosses[:, 0], drawn[:, :2].mean(axis=1))
    np.testing.assert_allclose(crosses[:, 1], rows.sort_values(["layer", "seed"])["max"])


def test_gaps_below_what_float32_resolves_are_drawn_there(gaps):
    rows = gaps(tasks=["rte"], layers=1).assign(q05=0.0, q25=0.0, median=1e-12)
    ax = completeness_figure(rows).axes[0]
    ((_, _, bottom, top),) = boxes(ax)
    assert (bottom, top) == pytest.approx((1e-7, rows["q75"].iloc[0]))
    assert whiskers(ax)[0][1] == pytest.approx(1e-7)


# Both.


@pytest.mark.parametrize("tasks", [["rte"], ["rte", "sst2", "mnli"]])
def test_nothing_is_cut_off_and_the_legend_covers_no_panel(errors, gaps, tasks):
    for figure in (
        convergence_figure(errors(tasks=tasks, seeds=(1, 2))),
        completeness_figure(gaps(tasks=tasks, layers=12, seeds=(1, 2))),
    ):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer, page = canvas.get_renderer(), figure.bbox
        legend = figure.legends[0].get_window_extent(renderer)
        around = [ax.get_tightbbox(renderer) for ax in figure.axes]
        for box in [legend, *around]:
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1  # noqa: PT018
        assert not any(legend.overlaps(box) for box in around)
        assert not any(first.overlaps(second) for first, second in itertools.combinations(around, 2))


def test_equal_figures_give_equal_bytes_whatever_the_users_settings(tmp_path, errors, gaps):
    for name, rc in [("a", {}), ("b", {"font.size": 20, "svg.fonttype": "none", "boxplot.whiskerprops.linewidth": 5})]:
        with matplotlib.rc_context(rc):
            save_figure(convergence_figure(errors(tasks=["rte"])), tmp_path / f"{name}.convergence", dpi=60)
            save_figure(completeness_figure(gaps(tasks=["rte"])), tmp_path / f"{name}.completeness", dpi=60)
    for kind in ("convergence.svg", "convergence.png", "completeness.svg", "completeness.png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
