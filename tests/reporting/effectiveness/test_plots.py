import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.reporting.effectiveness.plots import WITH_CURVES, effectiveness_figure
from pipeline.reporting.style import METHODS

MAJORITY = {"negation": 0.52, "inference": 0.36, "mnli": 0.35, "rte": 0.53, "sst2": 0.51}


def pick(curves, **values):
    return curves[[all(row[name] == value for name, value in values.items()) for _, row in curves.iterrows()]]


def lines_of(ax, *, colour, marker):
    return [line for line in ax.lines if (line.get_color(), line.get_marker()) == (colour, marker)]


def test_effectiveness_draws_the_accuracies_solid_and_dashed(effectiveness_curves):
    curves = effectiveness_curves()
    figure = effectiveness_figure(curves, MAJORITY)
    assert len(figure.axes) == 2
    for ax, task in zip(figure.axes, ["negation", "inference"], strict=True):
        style = METHODS["attention_max"]
        solid, dashed = lines_of(ax, colour=style.colour, marker=style.marker)
        for line, direction in [(solid, "lowest_first"), (dashed, "highest_first")]:
            rows = pick(curves, task=task, method="attention_max", direction=direction)
            np.testing.assert_allclose(line.get_xdata(), [0, 1, 2, 3, 4])
            np.testing.assert_allclose(line.get_ydata(), 100 * rows["accuracy"])
        assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
        assert task in ax.get_title(loc="left")
        assert "n = 200, 1 seed)" in ax.get_title(loc="left")
        assert 100 * MAJORITY[task] in [line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1]


def test_one_seed_has_interval_bands_and_several_have_their_mean(effectiveness_curves):
    one, two = effectiveness_curves(tasks=["rte"]), effectiveness_curves(tasks=["rte"], seeds=(1, 2))
    bands = effectiveness_figure(one, MAJORITY).axes[0].collections
    assert len(bands) == 8
    first = pick(one, method="attribution_predicted", direction="lowest_first")
    corners = bands[0].get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == pytest.approx((100 * first["low"].min(), 100 * first["high"].max()))

    ax = effectiveness_figure(two, MAJORITY).axes[0]
    assert not ax.collections
    assert "2 seeds" in ax.get_title(loc="left")
    style = METHODS["attribution_predicted"]
    mean, _ = lines_of(ax, colour=style.colour, marker=style.marker)
    expected = pick(two, method="attribution_predicted", direction="lowest_first").groupby("k")["accuracy"].mean()
    np.testing.assert_allclose(mean.get_ydata(), 100 * expected)
    # Twice as many lines per seed could not be told apart.
    assert not lines_of(ax, colour=style.colour, marker="None")


def test_four_methods_have_curves_and_all_where_none_of_these_was_run(effectiveness_curves):
    def drawn(curves):
        return {text.get_text() for text in effectiveness_figure(curves, MAJORITY).legends[0].get_texts()}

    curves = effectiveness_curves(tasks=["rte"])
    shown = {METHODS[name].label for name in WITH_CURVES}
    others = {METHODS[name].label for name in set(curves["method"])} - shown
    assert shown <= drawn(curves)
    assert not others & drawn(curves)
    assert METHODS["taylor"].label in drawn(pick(curves, method="taylor"))


def test_no_curves_and_unknown_methods_are_refused(effectiveness_curves):
    curves = effectiveness_curves()
    with pytest.raises(InputError, match="no curves"):
        effectiveness_figure(curves[:0], MAJORITY)
    with pytest.raises(InputError, match=r"'guess'.*attention"):
        effectiveness_figure(curves.assign(method="guess"), MAJORITY)
