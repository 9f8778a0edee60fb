"""What there is to see of one example: its tokens, and for each class that is explained its scores and trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from attattr.output import Output
    from attattr.tree import AttributionTree
    from attattr.viewer.kinds import Kind

STEPS = 100
THRESHOLDS: tuple[float, ...] = tuple(step / STEPS for step in range(STEPS))
"""The places of the page's slider."""


@dataclass(frozen=True)
class Carried:
    """F with a tree's edges alone, beside F with all edges, which is `full`, and without any, which is `none`.

    Without any edge means with every token's edge to itself, which stays in every set. F is what the scores explain.
    `random` are trees of random edges, as many in every layer as the tree has.
    """

    full: float
    none: float
    tree: float
    random: tuple[float, ...]


@dataclass(frozen=True)
class Share(Carried):
    """The same, and other sets of as many edges in every layer.

    They are the tree of gradient times attention, which has fewer where too few edges have a positive score, and the
    largest edges that a tree may take.
    """

    gradient_x_attention: float
    largest: float


@dataclass(frozen=True)
class Explanation:
    """What speaks for one class. `heads` holds `(layer, head)` numbers by method, all other tensors are by layer."""

    target: int
    output: Output
    """F, what is explained of the class, as in `attribute`."""
    value: float
    """F of the unchanged model."""
    attribution: Tensor  # (layer, head, query, key)
    passed_on: Tensor  # (token,)
    heads: Mapping[str, Tensor]
    gradient_sum: Tensor | None  # gradient times attention, (layer, query, key), summed over heads; of a page's views
    steps: Sequence[int]
    estimated_error: Sequence[float]  # relative to the scores' absolute sum; nan where the steps were given
    unconverged: Sequence[bool]
    completeness_gap: Sequence[float]
    output_change: Sequence[float]  # F minus F without the layer's attention: what the layer's scores sum to
    absolute: Sequence[float]  # the scores' absolute sum
    trees: tuple[AttributionTree, ...] = ()
    """At every one of `THRESHOLDS`."""
    shares: tuple[Share, ...] = ()
    """Of every tree, where they were measured."""

    @property
    def head_sum(self) -> Tensor:
        """The scores summed over heads, of which trees are grown, `(layer, query, key)`."""
        return self.attribution.sum(dim=1).double()


@dataclass(frozen=True)
class View:
    """One example. `special` are the places of tokens that the tokeniser put around the texts."""

    name: str
    task: str
    tokens: Sequence[str]
    special: Sequence[int]
    classes: Sequence[str]
    """The names of the model's outputs, whatever their kind."""
    probabilities: Sequence[float]
    """Of classes together one, of labels each for itself; of values none."""
    gold: int | None
    predicted: tuple[int, ...]
    """The class; every label above one half, the likeliest first; of values none."""
    attention: Tensor  # (layer, head, query, key)
    explanations: tuple[Explanation, ...]
    """The first is the one that is shown first."""
    unknown: Sequence[int] = ()
    """The places of tokens that stand for words which the model does not know."""
    kind: Kind = "classes"
    """What the outputs are."""
    values: Sequence[float] = ()
    """The outputs themselves, where they are values."""
