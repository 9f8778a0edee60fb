import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pipeline.reporting.panels import save_figure
from pipeline.reporting.triggers.plots import POINTS, STYLES, triggers_figure


@pytest.fixture
def rows():
    """The mined triggers of two tasks, as the concatenated tables are read; empty text where one does not collapse."""
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "task": task,
            "seed": 1,
            "rank": rank,
            "strength": generator.uniform(0.03, 2),
            "foreign_drop": generator.uniform(-0.1, 0.7),
        }
        | {"collapses_to": "neutral" if rank % 5 == 0 else ""}
        for task in ("negation", "inference")
        for rank in range(20)
    )


def record(task, *, seed=1, kinds=STYLES):
    of_kind = {"patterns": 20, "tokens_mean": 2.0, "collapsing": 0}
    return {"task": task, "seed": seed, "n": 1500, "mined": {"patterns": 20}, "kinds": dict.fromkeys(kinds, of_kind)}


def drops(task, *, kinds=STYLES):
    """The means of all and of the best of every kind, ten points apart."""
    best = ["best" if kind == "mined" else f"best_{kind}" for kind in kinds]
    return [
        {"task": task, "name": f"foreign_drop/{name}", "label": name}
        | {"value": 10 * place + shift, "low": 10 * place + shift - 10, "high": 10 * place + shift + 20}
        for shift, names in ((0, kinds), (5, best))
        for place, name in enumerate(names)
    ]


RECORDS = [record("negation"), record("inference")]
DROPS = [*drops("negation"), *drops("inference")]


def points(ax, marker):
    """Points `(x, y)` in the left part with this marker, by x."""
    (line,) = [
        line
        for line in ax.lines
        if line.get_marker() == marker and line.get_linestyle() == "None" and line.get_alpha() != 1
    ]
    return np.array(sorted(zip(line.get_xdata(), line.get_ydata(), strict=True)))


def marks(ax):
    """`kind: [(x, filled, low, value, high)]` of the error bars by x, which is a share of the panel's width."""
    found = {}
    for container in ax.containers:
        line, _, (bars,) = container.lines
        (kind,) = [
            kind
            for kind, style in STYLES.items()
            if style.marker == line.get_marker() and style.colour == line.get_color()
        ]
        ((_, low), (_, high)) = bars.get_segments()[0]
        filled = line.get_markerfacecolor() == line.get_color()
        found.setdefault(kind, []).append((line.get_xdata()[0], filled, low, line.get_ydata()[0], high))
    return {kind: sorted(of_kind) for kind, of_kind in found.items()}


def test_every_mined_trigger_is_a_point_and_collapsing_ones_are_crosses(rows):
    figure = triggers_figure(rows, RECORDS, DROPS)
    assert len(figure.axes) == 2
    for ax, task in zip(figure.axes, ["negation", "inference"], strict=True):
        assert ax.get_title(loc="left") == f"{task}  (n = 1,500, 20 mined)"
        assert ax.get_xscale() == "log"
        own = rows[rows["task"] == task]
        for marker, chosen in (("o", own[own["collapses_to"] == ""]), ("x", own[own["collapses_to"] != ""])):
            expected = sorted(zip(chosen["strength"], 100 * chosen["foreign_drop"], strict=True))
            np.testing.assert_allclose(points(ax, marker), expected)
        low, high = ax.get_xlim()
        assert low < own["strength"].min()
        # The points end where the marks of the best begin.
        assert np.log(own["strength"].max() / low) / np.log(high / low) < POINTS
        assert {label.get_text() for label in ax.get_xticklabels()} >= {"0.2", "0.5", "1"}
    assert [ax.get_ylabel() for ax in figure.axes] == ["foreign drop, points", ""]


def test_the_means_of_each_kind_stand_right_of_the_points_all_filled_the_best_open(rows):
    for ax in triggers_figure(rows, RECORDS, DROPS).axes:
        found = marks(ax)
        assert list(found) == list(STYLES)
        for place, of_kind in enumerate(found.values()):
            for shift, (x, filled, *ends) in zip((0, 5), of_kind, strict=True):
                assert ends == pytest.approx([10 * place + shift - 10, 10 * place + shift, 10 * place + shift + 20])
                assert filled == (shift == 0)
                assert POINTS < x < 1
        places = [x for of_kind in found.values() for x, *_ in of_kind]
        assert places == sorted(places)


def test_seeds_share_a_panel_and_its_means(rows):
    records = [record("negation", seed=1), record("negation", seed=2)]
    (ax,) = triggers_figure(rows[rows["task"] == "negation"], records, drops("negation")).axes
    assert ax.get_title(loc="left") == "negation  (n = 1,500, 40 mined)"
    assert sum(map(len, marks(ax).values())) == 2 * len(STYLES)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (30 + 1e-14, 30 - 1e-14, (30, 30, 30)),  # rounding has moved the ends past the value
        (0.0, 31.0, (0, 30, 31)),
        (None, None, (30, 30, 30)),  # nothing tells how uncertain it is
    ],
)
def test_an_interval_is_drawn_as_far_as_there_is_one(rows, low, high, expected):
    one = {"task": "negation", "name": "foreign_drop/mined", "value": 30.0, "low": low, "high": high}
    (ax,) = triggers_figure(rows[rows["task"] == "negation"], [record("negation")], [one]).axes
    ((_, _, *found),) = marks(ax)["mined"]
    assert found == pytest.approx(expected)


def test_only_kinds_that_were_run_are_in_the_legend(rows):
    figure = triggers_figure(rows, [record("negation", kinds=["mined", "random"])], drops("negation"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "every mined trigger",
        "one that collapses to a class",
        "filled: mean of all of a kind",
        "open: mean of its best",
        "mined from attribution",
        "random tokens",
    ]


def test_a_task_without_triggers_has_an_empty_panel(rows, tmp_path):
    """Read from a table of a heading alone, its columns hold objects, not numbers."""
    (tmp_path / "x.csv").write_text("task,seed,rank,strength,foreign_drop,collapses_to\n")
    none = pd.read_csv(tmp_path / "x.csv", keep_default_na=False)
    records = [record("negation"), record("inference", kinds=[]) | {"mined": {"patterns": 0}}]
    undefined = {"task": "inference", "name": "foreign_drop/mined", "value": None, "low": None, "high": None}
    figure = triggers_figure(pd.concat([rows[rows["task"] == "negation"], none]), records, [undefined])
    assert figure.axes[1].get_title(loc="left") == "inference  (n = 1,500, 0 mined)"
    assert not marks(figure.axes[1])
    FigureCanvasAgg(figure).draw()


@pytest.mark.parametrize(
    ("strengths", "labels"),
    [
        ([0.37], ["0.33", "0.41"]),
        ([0.02, 2], ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]),
        ([1e-6, 1], ["1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"]),
    ],
)
def test_the_axis_has_a_few_round_numbers_whatever_the_range(strengths, labels):
    rows = pd.DataFrame({"task": "rte", "strength": strengths, "foreign_drop": 0.5, "collapses_to": ""})
    (ax,) = triggers_figure(rows, [record("rte")], []).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == labels


def test_the_files_are_the_same_every_time_and_text_does_not_overlap(rows, tmp_path):
    for name in ("a", "b"):
        save_figure(triggers_figure(rows, RECORDS, DROPS), tmp_path / name, dpi=60)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    figure = triggers_figure(rows, RECORDS, DROPS)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for ax in figure.axes:
        boxes = [label.get_window_extent(canvas.get_renderer()) for label in ax.get_xticklabels()]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


def test_kinds_differ_in_marker_and_in_colour():
    styles = STYLES.values()
    assert len({style.marker for style in styles}) == len({style.colour for style in styles}) == len(styles)


@pytest.mark.parametrize("undefined", [slice(None), slice(0, 5)])
def test_a_trigger_without_foreign_examples_is_no_point(rows, undefined):
    """Where all examples are of the class that a trigger is of, its drop is undefined, and empty in the table."""
    own = rows[rows["task"] == "negation"].astype({"foreign_drop": object})
    own.iloc[undefined, own.columns.get_loc("foreign_drop")] = ""
    # As a table is read whose column holds texts.
    own["foreign_drop"] = own["foreign_drop"].astype(str)
    nothing = [one | {"value": None, "low": None, "high": None} for one in drops("negation")]
    figure = triggers_figure(own, [record("negation")], nothing)
    FigureCanvasAgg(figure).draw()
    (ax,) = figure.axes
    drawn = np.concatenate([points(ax, marker) for marker in "ox"])
    defined = own[own["foreign_drop"] != ""]
    np.testing.assert_allclose(
        sorted(drawn[~np.isnan(drawn[:, 1])].tolist()),
        sorted(zip(defined["strength"], 100 * defined["foreign_drop"].astype(float), strict=True)),
    )
    assert marks(ax) == {}
