"""Heat maps of one attention head between the tokens of one sentence (the paper's Figure 1)."""

from collections.abc import Sequence

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pipeline.errors import InputError
from pipeline.reporting.style import BLUE, RC, VERMILLION, WIDEST, token_space

MARGIN, KEY = 1.6, 0.8  # inches
# As everywhere: blue for what is explained, orange against it.
AGAINST_TO_FOR = LinearSegmentedColormap.from_list("against to for", [VERMILLION, "white", BLUE])
CLEARLY_NEGATIVE, DARK = -0.1, -0.5  # shares of the largest magnitude


def heatmap_figure(matrix: ArrayLike, tokens_query: Sequence[str], tokens_key: Sequence[str], *, title: str) -> Figure:
    """One head's map, shape (query, key), with the tokens on both axes.

    A map without negative values (attention) runs from white to blue; one with negative values (attribution) from
    orange over white, at zero, to blue, and its clearly negative cells carry a minus sign for who sees it in grey.
    """
    return _figure({title: matrix}, tokens_query, tokens_key)


def attention_and_attribution_figure(
    attention_probs: ArrayLike, attribution: ArrayLike, tokens: Sequence[str], *, title: str
) -> Figure:
    """One head's attention beside its attribution, both of shape (query, key): what is looked at, and what counts."""
    figure = _figure({"attention": attention_probs, "attribution": attribution}, tokens, tokens)
    figure.suptitle(title, fontsize=RC["font.size"] + 1, parse_math=False)
    return figure


def _figure(maps: dict[str, ArrayLike], tokens_query: Sequence[str], tokens_key: Sequence[str]) -> Figure:
    with matplotlib.style.context(RC, after_reset=True):
        cell = token_space(len(tokens_key), beside=MARGIN + KEY)
        width, height = max(cell * len(tokens_key) + MARGIN + KEY, 3.6), max(cell * len(tokens_query) + MARGIN, 2.4)
        columns = len(maps) if len(maps) * width <= WIDEST else 1  # else one above the other
        rows = len(maps) // columns
        figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
        for place, (title, matrix) in enumerate(maps.items()):
            ax = figure.add_subplot(rows, columns, place + 1)
            _draw(ax, np.asarray(matrix, np.float64), tokens_query, tokens_key, title=title)
            ax.set_ylabel("" if place % columns else "query: the token that reads")
    return figure


def _draw(ax: Axes, matrix: np.ndarray, tokens_query: Sequence[str], tokens_key: Sequence[str], *, title: str) -> None:
    if matrix.shape != (len(tokens_query), len(tokens_key)) or not matrix.size:
        raise InputError(
            f"a map of shape {matrix.shape} for {len(tokens_query)} query and {len(tokens_key)} key tokens"
        )
    largest = float(np.abs(matrix).max()) or 1.0
    signed = bool((matrix < 0).any())
    image = ax.imshow(
        matrix, cmap=AGAINST_TO_FOR if signed else "Blues", vmin=-largest if signed else 0, vmax=largest, aspect="equal"
    )
    if signed:
        for query, key in np.argwhere(matrix < CLEARLY_NEGATIVE * largest):
            ink = "white" if matrix[query, key] < DARK * largest else "black"
            ax.text(key, query, "−", ha="center", va="center", color=ink)
    ax.set_xticks(range(len(tokens_key)), tokens_key, rotation=90)
    ax.set_yticks(range(len(tokens_query)), tokens_query)
    for label in [*ax.get_xticklabels(), *ax.get_yticklabels()]:
        label.set_parse_math(False)  # a token may be a dollar sign
    ax.set_xlabel("key: the token that is read")
    ax.set_title(title, parse_math=False)
    ax.grid(visible=False)
    ax.figure.colorbar(image, ax=ax, shrink=0.8)
