import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.reporting.style import BLUE, GREY, VERMILLION
from pipeline.reporting.tree.plots import edges_figure, recovered_figure

MAPS = ("attribution", "gradient_x_attention", "attention", "value_weighted", "contribution", "joint", "random")


def lines_of(ax, colour, *, points):
    return [line for line in ax.lines if line.get_color() == colour and len(line.get_xdata()) == points]


@pytest.fixture
def curves():
    def make(*, tasks=("sst2", "rte"), seeds=(1,)):
        return pd.DataFrame(
            {"task": task, "seed": seed, "tau": tau, "n": 30, "edges": 10 * (1 - tau)}
            | {"recovered": 0.5 + tau / 10 + seed, "random": 0.25 + seed, "excess": 0.25 + tau / 10}
            for task in tasks
            for seed in seeds
            for tau in (0.0, 0.4, 0.5)
        )

    return make


@pytest.fixture
def statistics():
    names = ("excess/0", "excess/0.4", "excess/0.5", "excess/0.5-0.4")
    return [
        {"task": task, "name": name, "low": 0.1 + place, "high": 0.4 + place}
        for task in ("sst2", "rte")
        for place, name in enumerate(names)
    ]


def test_the_curves_are_those_of_the_data(curves, statistics):
    figure = recovered_figure(curves(), statistics)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["SST-2  (n = 30, 1 seed)", "RTE  (n = 30, 1 seed)"]
    expected = {BLUE: [1.5, 1.54, 1.55], GREY: [1.25] * 3, VERMILLION: [0.25, 0.29, 0.3]}
    for colour, values in expected.items():
        (line,) = lines_of(figure.axes[0], colour, points=3)
        np.testing.assert_allclose(line.get_ydata(), values)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0\n10.0", "0.4\n6.0", "0.5\n5.0"]


def test_the_band_is_the_interval_of_the_excess(curves, statistics):
    (band,) = recovered_figure(curves(), statistics).axes[0].collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.round(6).tolist()}
    assert corners == {(tau, end + place) for place, tau in enumerate((0.0, 0.4, 0.5)) for end in (0.1, 0.4)}


def test_without_an_interval_there_is_no_band(curves, statistics):
    bare = [one | {"low": None, "high": None} for one in statistics]
    (band,) = recovered_figure(curves(), bare).axes[0].collections
    assert not band.get_paths() or not len(band.get_paths()[0].vertices)


def test_thick_lines_are_means_over_the_seeds(curves, statistics):
    figure = recovered_figure(curves(seeds=(1, 2)), statistics)
    assert figure.axes[0].get_title(loc="left") == "SST-2  (n = 30, 2 seeds)"
    drawn = lines_of(figure.axes[0], GREY, points=3)
    assert [float(line.get_ydata()[0]) for line in drawn] == [1.75, 1.25, 2.25]


def test_what_cannot_be_recovered_is_a_gap(curves, statistics):
    rows = curves(tasks=["rte"]).astype({"recovered": object})
    rows.loc[1, "recovered"] = ""
    (line,) = lines_of(recovered_figure(rows, statistics).axes[0], BLUE, points=3)
    assert np.isnan(line.get_ydata()).tolist() == [False, True, False]


def test_every_map_has_a_line_over_the_edges_that_are_kept():
    rows = [
        {"task": "rte", "seed": 1, "map": name, "share": share, "n": 30, "recovered": place + share}
        for place, name in enumerate(MAPS)
        for share in (0.01, 0.1, 1.0)
    ]
    (ax,) = edges_figure(pd.DataFrame(rows)).axes
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "10", "100"]
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 3]
    assert [float(line.get_ydata()[0]) for line in drawn] == [place + 0.01 for place in range(len(MAPS))]
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in drawn}
    assert len(looks) == len(MAPS)


def test_no_curves_are_refused(curves, statistics):
    with pytest.raises(InputError, match="no curves"):
        recovered_figure(curves()[:0], statistics)
