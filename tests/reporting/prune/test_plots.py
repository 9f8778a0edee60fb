import itertools

import numpy as np
import pandas as pd
import pytest

from pipeline.reporting.prune.plots import pruning_figure
from pipeline.reporting.style import METHODS, SOLID

MAJORITY = {"negation": 0.52, "inference": 0.36, "mnli": 0.35, "rte": 0.53, "sst2": 0.51}


def pick(curves, **values):
    return curves[[all(row[name] == value for name, value in values.items()) for _, row in curves.iterrows()]]


def lines_of(ax, *, colour, marker):
    return [line for line in ax.lines if (line.get_color(), line.get_marker()) == (colour, marker)]


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


def test_attribution_is_drawn_solid_and_on_top(pruning_curves):
    ax = pruning_figure(pruning_curves(tasks=["rte"]), MAJORITY).axes[0]
    drawn = [line for line in ax.lines if line.get_marker() not in ("None", "")]
    last = [line for line in drawn if len(line.get_xdata()) == 11][-1]
    assert last.get_color() == METHODS["attribution"].colour
    assert METHODS["attribution"].dash == SOLID


def test_rankings_with_one_thing_changed_are_in_their_table_and_not_in_the_figure(pruning_curves):
    curves = pruning_curves(tasks=["rte"], normalise=["none"])
    changed = pick(curves, method="attribution").assign(method="factor/joint", accuracy=0.01)
    with_factor = pruning_figure(pd.concat([curves, changed]), MAJORITY)
    assert len(with_factor.axes[0].lines) == len(pruning_figure(curves, MAJORITY).axes[0].lines)
