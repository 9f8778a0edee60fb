"""What the curve figures share."""

import itertools

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pipeline.analysis.quantities import Effectiveness
from pipeline.errors import InputError
from pipeline.reporting.effectiveness.plots import effectiveness_figure
from pipeline.reporting.panels import method_dots, save_figure
from pipeline.reporting.prune.plots import pruning_figure
from pipeline.reporting.style import METHODS

MAJORITY = {"negation": 0.52, "inference": 0.36, "mnli": 0.35, "rte": 0.53, "sst2": 0.51}
OF_AN_EXAMPLE = ("attribution_predicted", "attribution_gold", "attention_max", "attention_confidence")
EFFECTIVENESS = [*OF_AN_EXAMPLE, "gradient_x_attention", "taylor", "loss_difference", "random"]
OF_EDGES = ("attribution_margin", "attribution_per_attention", "value_weighted", "contribution", "joint")
KNOCKED_OUT = ["attribution", "attribution_margin", "gradient_x_attention", "attention", "random"]
KNOCKED_OUT += ["value_weighted", "contribution", "joint"]
OF_A_WORD = [*KNOCKED_OUT, "gradient_x_input"]
OF_A_PATH = [*KNOCKED_OUT, "knock_out"]
SHUFFLED = ["attribution", "attribution_per_attention", "gradient_x_attention", "attention"]
NOT_PRUNING = (*OF_AN_EXAMPLE, *OF_EDGES, "gradient_x_input", "knock_out", "random")
PRUNING = [name for name in METHODS if name not in NOT_PRUNING]


@pytest.mark.parametrize("names", [EFFECTIVENESS, PRUNING, OF_A_WORD, OF_A_PATH, SHUFFLED])
def test_methods_differ_in_colour_or_dash_and_in_marker(names):
    styles = [METHODS[name] for name in names]
    assert len({style.marker for style in styles}) == len(styles)
    assert len({(style.colour, style.dash) for style in styles}) == len(styles)


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


def test_pictures_of_examples_go_to_a_folder_of_their_own(tmp_path, effectiveness_curves):
    figure = effectiveness_figure(effectiveness_curves(tasks=["rte"]), MAJORITY)
    assert save_figure(figure, tmp_path / "beside", dpi=60) == tmp_path / "beside.png"
    assert save_figure(figure, tmp_path / "apart", dpi=60, pictures=tmp_path / "x") == tmp_path / "x/apart.png"
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert files == {"beside.svg", "beside.png", "apart.svg", "x/apart.png"}
    assert (tmp_path / "beside.png").read_bytes() == (tmp_path / "x/apart.png").read_bytes()


def test_methods_are_dots_with_intervals_and_seeds(effectiveness_statistics):
    how = {"quantity": Effectiveness.AREA, "known_nothing": 0, "xlabel": "points"}
    rows = effectiveness_statistics(tasks=["rte", "mnli"], seeds=3)
    figure = method_dots([*rows, rows[0] | {"name": "lead/a-b"}, rows[0] | {"name": "area/a-b"}], **how)
    left, right = figure.axes
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == (
        "RTE  (n = 1,000, 3 seeds)",
        "MNLI  (n = 1,000, 3 seeds)",
    )
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == [style.label for style in METHODS.values() if style.label in names]
    assert len(names) == 8
    for ax, task in ((left, "rte"), (right, "mnli")):
        for row in (row for row in rows if row["task"] == task):
            style = METHODS[row["name"].removeprefix("area/")]
            place = names.index(style.label)
            seeds, interval, dot = [line for line in ax.lines if set(line.get_ydata()) == {place}]
            assert list(seeds.get_xdata()) == row["by_seed"]
            assert list(interval.get_xdata()) == [row["low"], row["high"]]
            assert list(dot.get_xdata()) == [row["value"]]
            assert (dot.get_color(), dot.get_marker()) == (style.colour, style.marker)
    # One seed is no spread, and one example has no interval.
    bare = [row | {"low": None, "high": None} for row in effectiveness_statistics()]
    assert len(method_dots(bare, **how).axes[0].lines) == 8 + 1
    nothing = {"value": None, "low": None, "high": None, "n": None, "replicates": None, "by_seed": [None] * 3}
    left, right = method_dots([row | nothing if row["task"] == "rte" else row for row in rows], **how).axes
    assert (left.get_title(loc="left"), len(left.lines)) == ("RTE  (undefined)", 1)
    assert right.get_title(loc="left") == "MNLI  (n = 1,000, 3 seeds)"
    (left, _) = method_dots([rows[0] | nothing, *rows[1:]], **how).axes
    assert left.get_title(loc="left") == "RTE  (n = 1,000, 3 seeds)"
    with pytest.raises(InputError, match=r"there is no area/\{method\} to draw"):
        method_dots([], **how)
