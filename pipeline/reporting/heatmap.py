"""The heat map of one attention head: attention probabilities or attribution between the tokens of one sentence."""

from collections.abc import Sequence

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from pipeline.errors import InputError
from pipeline.reporting.style import RC

CELL, MARGIN = 0.27, 1.6  # inches
CLEARLY_NEGATIVE, DARK = -0.1, -0.5  # shares of the largest magnitude


def heatmap_figure(matrix: ArrayLike, tokens_query: Sequence[str], tokens_key: Sequence[str], *, title: str) -> Figure:
    """One head's map, shape (query, key), with the tokens on both axes.

    A map without negative values (attention) runs from white to dark; one with negative values (attribution) is
    centred on zero, and its clearly negative cells carry a minus sign, since in grey both ends look alike.
    """
    matrix = np.asarray(matrix, np.float64)
    if matrix.shape != (len(tokens_query), len(tokens_key)) or not matrix.size:
        raise InputError(
            f"a map of shape {matrix.shape} for {len(tokens_query)} query and {len(tokens_key)} key tokens"
        )
    largest = float(np.abs(matrix).max()) or 1.0
    signed = bool((matrix < 0).any())
    with matplotlib.style.context(RC, after_reset=True):
        size = (CELL * len(tokens_key) + MARGIN + 0.8, CELL * len(tokens_query) + MARGIN)
        figure = Figure(figsize=(max(size[0], 3.6), max(size[1], 2.4)), layout="constrained")
        ax = figure.add_subplot()
        image = ax.imshow(
            matrix, cmap="RdBu_r" if signed else "Blues", vmin=-largest if signed else 0, vmax=largest, aspect="equal"
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
        ax.set_ylabel("query: the token that reads")
        ax.set_title(title, parse_math=False)
        ax.grid(visible=False)
        figure.colorbar(image, ax=ax, shrink=0.8)
    return figure
