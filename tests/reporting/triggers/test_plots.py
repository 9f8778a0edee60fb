import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from pipeline.reporting.panels import save_figure
from pipeline.reporting.triggers.plots import POINTS, triggers_figure
from pipeline.reporting.triggers.tables import KINDS


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
            "drop": generator.uniform(-0.1, 0.7),
        }
        | {"collapses_to": "neutral" if rank % 5 == 0 else ""}
        for task in ("negation", "inference")
        for rank in range(20)
    )


def record(task, *, seed=1, kinds=KINDS):
    def drop(place):
        return {"value": 0.1 * place + 0.1, "low": 0.1 * place, "high": 0.1 * place + 0.3}

    return {"task": task, "seed": seed, "n": 1500, "mined": {"patterns": 20}} | {
        "best": {kind: {"mean_drop": drop(place), "lead": None, "triggers": []} for place, kind in enumerate(kinds)}
    }


METRICS = [record("negation"), record("inference")]


def points(ax, marker):
    """Points `(x, y)` in the left part with this marker, by x."""
    (line,) = [
        line
        for line in ax.lines
        if line.get_marker() == marker and line.get_linestyle() == "None" and line.get_alpha() != 1
    ]
    return np.array(sorted(zip(line.get_xdata(), line.get_ydata(), strict=True)))


def marks(ax):
    """`kind: [(x, low, value, high)]` of the error bars, x as a share of the panel's width."""
    found = {}
    for container in ax.containers:
        line, _, (bars,) = container.lines
        (kind,) = [
            kind
            for kind, style in KINDS.items()
            if style.marker == line.get_marker() and style.colour == line.get_color()
        ]
        ((_, low), (_, high)) = bars.get_segments()[0]
        found.setdefault(kind, []).append((line.get_xdata()[0], low, line.get_ydata()[0], high))
    return found


def test_every_mined_trigger_is_a_point_and_collapsing_ones_are_crosses(rows):
    figure = triggers_figure(rows, METRICS)
    assert len(figure.axes) == 2
    for ax, task in zip(figure.axes, ["negation", "inference"], strict=True):
        assert ax.get_title(loc="left") == f"{task}  (n = 1,500, 20 mined)"
        assert ax.get_xscale() == "log"
        own = rows[rows["task"] == task]
        for marker, chosen in (("o", own[own["collapses_to"] == ""]), ("x", own[own["collapses_to"] != ""])):
            expected = sorted(zip(chosen["strength"], 100 * chosen["drop"], strict=True))
            np.testing.assert_allclose(points(ax, marker), expected)
        low, high = ax.get_xlim()
        assert low < own["strength"].min()
        # The points end where the marks of the best begin.
        assert np.log(own["strength"].max() / low) / np.log(high / low) < POINTS
        assert {label.get_text() for label in ax.get_xticklabels()} >= {"0.2", "0.5", "1"}
    assert [ax.get_ylabel() for ax in figure.axes] == ["dev accuracy lost, points", ""]


def test_the_best_of_each_kind_are_marks_with_intervals_right_of_the_points(rows):
    for ax in triggers_figure(rows, METRICS).axes:
        found = marks(ax)
        assert list(found) == list(KINDS)
        for place, ((x, low, value, high),) in enumerate(found.values()):
            assert (low, value, high) == pytest.approx((10 * place, 10 * place + 10, 10 * place + 30))
            assert POINTS < x < 1
        places = [x for ((x, *_),) in found.values()]
        assert places == sorted(places)


def test_seeds_stand_side_by_side(rows):
    metrics = [record("negation", seed=1), record("negation", seed=2)]
    (ax,) = triggers_figure(rows[rows["task"] == "negation"], metrics).axes
    assert ax.get_title(loc="left") == "negation  (n = 1,500, 40 mined)"
    every = [x for marked in marks(ax).values() for x, *_ in marked]
    assert len(every) == 2 * len(KINDS)
    assert every == sorted(every)


def test_an_interval_whose_ends_rounding_has_moved_past_the_value_is_drawn(rows):
    metrics = record("negation", kinds=["mined"])
    metrics["best"]["mined"]["mean_drop"] = {"value": 0.3, "low": 0.3 + 1e-16, "high": 0.3 - 1e-16}
    (ax,) = triggers_figure(rows[rows["task"] == "negation"], [metrics]).axes
    assert marks(ax)["mined"][0][1:] == pytest.approx((30, 30, 30))


def test_only_kinds_that_were_run_are_in_the_legend(rows):
    figure = triggers_figure(rows, [record("negation", kinds=["mined", "random"])])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "every mined trigger",
        "one that collapses to a class",
        "the best mined ones",
        "the best: random tokens",
    ]


def test_a_task_without_triggers_has_an_empty_panel(rows, tmp_path):
    """Read from a table of a heading alone, its columns hold objects, not numbers."""
    (tmp_path / "x.csv").write_text("task,seed,rank,strength,drop,collapses_to\n")
    none = pd.read_csv(tmp_path / "x.csv", keep_default_na=False)
    metrics = [record("negation"), record("inference", kinds=[]) | {"mined": {"patterns": 0}}]
    figure = triggers_figure(pd.concat([rows[rows["task"] == "negation"], none]), metrics)
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
    rows = pd.DataFrame({"task": "rte", "strength": strengths, "drop": 0.5, "collapses_to": ""})
    (ax,) = triggers_figure(rows, [record("rte")]).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == labels


def test_the_files_are_the_same_every_time_and_text_does_not_overlap(rows, tmp_path):
    for name in ("a", "b"):
        save_figure(triggers_figure(rows, METRICS), tmp_path / name, dpi=60)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    figure = triggers_figure(rows, METRICS)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for ax in figure.axes:
        boxes = [label.get_window_extent(canvas.get_renderer()) for label in ax.get_xticklabels()]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


def test_kinds_differ_in_marker_and_in_colour():
    assert (
        len({style.marker for style in KINDS.values()}) == len({style.colour for style in KINDS.values()}) == len(KINDS)
    )
