import matplotlib.colors
import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.reporting.blocks import Table, Text
from pipeline.reporting.planted_paths.plots import DRAWN, WIDEST, example_figure
from pipeline.reporting.planted_paths.section import section
from pipeline.reporting.style import BLUE, ORANGE


def test_who_comes_first_and_how_the_models_did_is_said_first(report_context):
    blocks = section(report_context).blocks
    first = next(block for block in blocks if isinstance(block, Text)).text
    assert first == (
        "Known edges, AUROC, first by value: one path: attribution 0.75. Labelled right are one path, seed 1: 9 of 10."
    )
    assert [len(block.rows) for block in blocks if isinstance(block, Table)] == [2, 1]


def rows(*, as_text):
    scores = {"attribution": (1.0, -0.25), "knock_out": (0.5, 0.0), "gradient_x_attention": (0.0, 1.0)}
    return pd.DataFrame(
        [
            {"design": "one path", "example_id": name, "method": method, "layer": 0, "query": 0, "key": key}
            | {"carries": str(key == 1) if as_text else key == 1, "score": value}
            for name in ("dev-0", "dev-1")
            for method in DRAWN
            for key, value in zip((1, 2), scores.get(method, (0.5, 0.5)), strict=True)
        ]
    )


@pytest.mark.parametrize("as_text", [True, False])
def test_edges_are_as_wide_as_their_scores_beside_the_truth(as_text):
    figure = example_figure(rows(as_text=as_text))
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "truth",
        "knock-out",
        "attribution",
        "gradient × attention",
        "attention",
    ]

    def drawn(ax):
        colours = {BLUE: "carries", ORANGE: "nothing"}
        lines = [line for line in ax.lines if matplotlib.colors.to_hex(line.get_color()).upper() in colours]
        return [
            (colours[line.get_color()], line.get_linewidth(), line.get_linestyle(), list(line.get_xdata()))
            for line in lines
        ]

    assert drawn(figure.axes[0]) == [("carries", WIDEST, "-", [1, 0])]
    assert drawn(figure.axes[1]) == [("carries", WIDEST / 2, "-", [1, 0])]
    assert drawn(figure.axes[2]) == [("carries", WIDEST, "-", [1, 0]), ("nothing", WIDEST / 4, ":", [2, 0])]
    assert drawn(figure.axes[3]) == [("nothing", WIDEST, "-", [2, 0])]


def test_without_edges_there_is_no_figure():
    with pytest.raises(InputError, match="no planted edges to draw"):
        example_figure(pd.DataFrame())
