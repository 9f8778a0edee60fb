"""What the figure of a sweep shows, read from its artists."""

import pytest
from matplotlib.collections import LineCollection

from pipeline.commands.sweeps.jobs import Job
from pipeline.commands.sweeps.plots import sweep_figure, swept_key
from pipeline.reporting.panels import save_figure


def job(metrics=None, **overrides):
    texts = {key if key in ("task", "seed") else f"tree.{key}": str(value) for key, value in overrides.items()}
    status = "finished" if metrics else "failed"
    return Job(",".join(f"{key}={value}" for key, value in texts.items()), texts, status, statistics=metrics or {})


def points(ax):
    """The points of every line that has any, as (x, y) pairs."""
    return [[tuple(point) for point in line.get_xydata().tolist()] for line in ax.lines if len(line.get_xdata())]


def bars(ax):
    segments = [tuple(map(tuple, s)) for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    return sorted(segments)


@pytest.fixture
def jobs():
    """Two tasks over three thresholds, one job failed; a scalar and an interval."""
    return [
        job(
            {"edges": 10 * tau + place, "area": {"value": tau, "low": tau - 0.5, "high": tau + 1.0}},
            task=task,
            seed=1,
            tau=tau,
        )
        for place, task in enumerate(("rte", "mnli"))
        for tau in (0.5, 0.0, 0.25)
    ] + [job(task="rte", seed=1, tau=0.75)]


def test_a_panel_per_number_and_a_line_per_task(jobs):
    figure = sweep_figure(jobs, panels=3)
    edges, area = figure.axes
    assert [ax.get_title(loc="left") for ax in (edges, area)] == ["edges", "area"]
    assert [ax.get_xlabel() for ax in (edges, area)] == ["tree.tau"] * 2
    assert points(edges) == [[(0.0, 1.0), (0.25, 3.5), (0.5, 6.0)], [(0.0, 0.0), (0.25, 2.5), (0.5, 5.0)]]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["MNLI", "RTE", "interval"]
    assert [line.get_color() for line in edges.lines if len(line.get_xdata())] == [
        handle.get_color() for handle in legend.get_lines()[:2]
    ]
    assert not bars(edges)
    expected = [((tau, tau - 0.5), (tau, tau + 1.0)) for tau in (0.0, 0.25, 0.5)]
    assert bars(area) == sorted(expected * 2)


def test_only_as_many_numbers_as_asked_for_are_drawn():
    jobs = [job({"first": a, "second": a, "third": a}, a=a) for a in (1, 2)]
    assert [ax.get_title(loc="left") for ax in sweep_figure(jobs, panels=2).axes] == ["first", "second"]


def test_values_that_are_no_numbers_stand_apart():
    steps = ["auto", 2, 12, 5]
    (ax,) = sweep_figure([job({"gap": place}, steps=value) for place, value in enumerate(steps)], panels=3).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "5", "12", "auto"]
    assert points(ax) == [[(0.0, 1.0), (1.0, 3.0), (2.0, 2.0)], [(3.0, 0.0)]]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "None"]
    assert not ax.figure.legends


def test_magnitudes_are_logarithmic_and_intervals_are_not():
    jobs = [
        job(
            {"gap": 10.0**-k, "rate": 0.5 + k, "zero": float(k), "area": {"value": 10.0**-k, "low": -1, "high": 1}},
            lr=10.0**-k,
        )
        for k in range(4)
    ]
    axes = {ax.get_title(loc="left"): ax for ax in sweep_figure(jobs, panels=4).axes}
    assert {name: ax.get_yscale() for name, ax in axes.items()} == {
        "gap": "log",
        "rate": "linear",
        "zero": "linear",
        "area": "linear",
    }
    assert {ax.get_xscale() for ax in axes.values()} == {"log"}
    assert [label.get_text() for label in axes["gap"].get_xticklabels()] == ["0.001", "0.01", "0.1", "1.0"]


def test_the_figure_runs_along_the_override_with_most_values():
    def key(**values):
        return swept_key(
            [job({"x": 1}, task=task, a=a, b=b) for task in "123456" for a in values["a"] for b in values["b"]]
        )

    assert key(a=[1, 2, 3], b=[4, 5]) == "tree.a"
    assert key(a=[1], b=["x", "y"]) == "tree.b"
    assert key(a=["x", "y", "z"], b=[4, 5]) == "tree.b"
    assert key(a=[1], b=[2]) == "task"


def test_what_else_varies_is_in_the_legend():
    figure = sweep_figure(
        [
            job({"x": a}, task="rte", seed=s, a=a, rule=rule)
            for a in (1, 2, 3)
            for s in (1, 2)
            for rule in ("left", "right")
        ]
        + [job({"x": a}, task="rte", seed=1, a=a) for a in (1, 2)],
        panels=3,
    )
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "seed 1, rule –",
        "seed 1, rule left",
        "seed 1, rule right",
        "seed 2, rule left",
        "seed 2, rule right",
    ]
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(looks) == 5


def test_equal_figures_are_equal_files(jobs, tmp_path):
    for name in ("one", "two"):
        save_figure(sweep_figure(jobs, panels=3), tmp_path / name, dpi=60)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
