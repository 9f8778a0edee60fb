"""How methods and tasks are named and drawn: the same in every figure and table.

Colours are those of Okabe and Ito (2008), told apart by the colour-blind; markers and dashes tell the methods apart
in grey as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import yaml

from pipeline.analysis.methods import EDGE_SCORES, named
from pipeline.errors import InputError
from pipeline.values.paths import PRESETS

Dash = Literal["-"] | tuple[float, tuple[float, ...]]
SOLID: Dash = "-"
DASHED: Dash = (0, (4, 1.6))
DOTTED: Dash = (0, (1.2, 1.4))

# Every setting is stated, on top of matplotlib's defaults, so that a user's own matplotlibrc changes no byte.
RC = {
    "figure.dpi": 100,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "figure.constrained_layout.wspace": 0.05,
    "figure.constrained_layout.hspace": 0.06,
    "lines.markersize": 6,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "svg.hashsalt": "attribution-report",  # otherwise element ids are random
}


TOKEN_SPACE, LEAST_SPACE = 0.27, 0.17  # inches between tokens on an axis, and where their lines would touch
WIDEST = 9.0  # inches: on the page the text of wider figures is too small to be read


def token_space(count: int, *, beside: float) -> float:
    """Inches between `count` tokens on an axis: less where they, with `beside` inches, would be wider than `WIDEST`."""
    return min(TOKEN_SPACE, max(LEAST_SPACE, (WIDEST - beside) / count))


@dataclass(frozen=True)
class MethodStyle:
    """The name of a ranking method for readers, and its line."""

    label: str
    colour: str
    marker: str
    dash: Dash = SOLID
    filled: bool = True


BLACK, ORANGE, SKY_BLUE, GREEN, BLUE, VERMILLION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
GREY = "#767676"

_LINES: dict[str, tuple[str, str, Dash, bool]] = {
    "attribution": (BLUE, "o", SOLID, True),
    "attribution_margin": (BLACK, "^", SOLID, True),
    "attribution_per_attention": (GREEN, "D", DASHED, False),
    "attribution_predicted": (BLUE, "o", SOLID, True),
    "attribution_predicted_sum": (BLUE, "^", DASHED, False),
    "attribution_gold": (PURPLE, "^", SOLID, True),
    "gradient_x_attention": (SKY_BLUE, ">", DASHED, True),
    "taylor": (GREEN, "D", SOLID, True),
    "taylor_michel": (ORANGE, "v", DASHED, True),
    "taylor_authors": (PURPLE, "<", DOTTED, True),
    "accuracy_difference": (BLACK, "X", SOLID, True),
    "loss_difference": (BLACK, "h", DASHED, False),
    "output_norm": (ORANGE, "P", DOTTED, False),
    "attention": (VERMILLION, "s", DASHED, False),
    "attention_max": (VERMILLION, "s", DASHED, False),
    "attention_confidence": (VERMILLION, "d", DOTTED, False),
    "value_weighted": (ORANGE, "P", DOTTED, False),
    "contribution": (PURPLE, "v", DASHED, True),
    "joint": (GREEN, "D", DASHED, False),
    "gradient_x_input": (PURPLE, "<", DOTTED, True),
    "knock_out": (BLACK, "X", DASHED, True),
    "random": (GREY, "x", DOTTED, False),
}
# Of an edge score that has no line here.
_OTHER: tuple[str, str, Dash, bool] = (ORANGE, "^", DASHED, False)
_LINES |= {name: _OTHER for name in EDGE_SCORES if name not in _LINES}
METHODS = {method: MethodStyle(named(method), *line) for method, line in _LINES.items()}
RANDOM = METHODS["random"]

# Quadrature rules, and the engine's own choice of steps.
RULES = {
    "left": MethodStyle("left (authors' code)", VERMILLION, "<", DASHED),
    "right": MethodStyle("right (paper)", ORANGE, ">", DASHED),
    "midpoint": MethodStyle("midpoint", GREEN, "s"),
    "trapezoid": MethodStyle("trapezoid", PURPLE, "v", DOTTED),
    "gauss_legendre": MethodStyle("Gauss-Legendre", BLUE, "o"),
    "clenshaw_curtis": MethodStyle("Clenshaw-Curtis", SKY_BLUE, "D", DASHED),
    "auto": MethodStyle("auto, at its mean steps", BLACK, "*"),
}

# How importance was normalised before the heads were ranked, in the order of the panels.
NORMALISATIONS = {"none": "as computed", "layer_l2": "divided by each layer's L2 norm"}


def method_style(method: str) -> MethodStyle:
    """The style of a method; InputError if it has none."""
    if method not in METHODS:
        raise InputError(f"no style for method {method!r}: known are {', '.join(METHODS)}")
    return METHODS[method]


def task_name(task: str) -> str:
    """The task's title in conf/tasks.yaml; a task without one keeps its name."""
    return _titles().get(task, task)


@cache
def _titles() -> dict[str, str]:
    # Read as it is: that it is right was checked when the stage was started.
    table = yaml.safe_load((PRESETS / "tasks.yaml").read_text(encoding="utf-8"))
    return {name: entry["title"] for name, entry in table.items() if entry.get("title")}


def in_order(methods: Iterable[str]) -> list[str]:
    """The distinct methods in the order of `METHODS`, whatever order the data has."""
    present = {method: method_style(method) for method in methods}
    return [method for method in METHODS if method in present]
