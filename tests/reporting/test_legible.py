"""Every figure of a kept run can be read at half the size at which the page shows it, and in grey."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from pipeline.reporting.drawing import curves, examples
from pipeline.reporting.results import Results
from pipeline.reporting.svg import PIXELS_PER_POINT
from pipeline.reporting.tree.heatmap import attention_and_attribution_figure
from pipeline.values.params import read_params
from pipeline.values.paths import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE = 1104  # CSS pixels for a figure where the window is at least 1,160 wide
NOT_SHAPES = ("None", "", ".", "|", "_")  # dots and strokes of seeds, the ends of intervals
SMALLEST = 6.5  # pixels of a font at half size: below them letters run into each other


def figures(run: str) -> Iterator[tuple[str, Figure]]:
    folder = SOURCE / "results" / run
    params = read_params(folder / "params.yaml")
    results = Results(folder, params.tasks, params.seeds)
    return chain(curves(results, params.figures), examples(results, params.figures))


@pytest.mark.parametrize("run", ["mini"])
def test_text_is_large_enough_and_nothing_hangs_on_colour_alone(run: str) -> None:
    names = []
    for name, figure in figures(run):
        names.append(name)
        assert smallest_text(figure) >= SMALLEST, name
        for ax in figure.axes:
            alike = colours_by_look(ax)
            assert all(len(colours) == 1 for colours in alike.values()), f"{name}: {alike}"
    assert len(names) >= 19


@pytest.mark.parametrize("length", [3, 12, 40])
def test_text_of_heat_maps_is_large_enough(length: int) -> None:
    maps = np.eye(length), np.eye(length) - 0.5
    figure = attention_and_attribution_figure(*maps, ["token"] * length, title="layer 1")
    assert smallest_text(figure) >= SMALLEST


def smallest_text(figure: Figure) -> float:
    """The smallest font of what is written, in pixels, where the figure is shown at half size."""
    FigureCanvasAgg(figure).draw()
    points = 72 * figure.get_figwidth()
    written = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return min(float(text.get_fontsize()) for text in written) * min(PIXELS_PER_POINT, PAGE / points) / 2


def colours_by_look(ax: Axes) -> dict[tuple[str, bool], set[str]]:
    """The colours of the lines with markers, by what is seen of them without: the marker, and whether it is hollow."""
    found = defaultdict(set)
    for line in ax.lines:
        if line.get_marker() in NOT_SHAPES:
            continue
        hollow = matplotlib.colors.to_hex(line.get_markerfacecolor()) == "#ffffff"
        found[str(line.get_marker()), hollow].add(matplotlib.colors.to_hex(line.get_color()))
    return found
