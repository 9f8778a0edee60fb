"""Adversarial triggers: patterns mined from edges, and patterns of other tokens at their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from attattr.examples import Example
from attattr.insertion import Edge, Pattern, mine_pattern
from pipeline.errors import InputError
from pipeline.values.columns import MINED

if TYPE_CHECKING:
    from pipeline.values.schema import Triggers


@dataclass(frozen=True)
class Trigger:
    """A pattern and where it comes from; controls made of mined patterns keep the origin of their pattern."""

    kind: str  # mined, or the name of a control
    rank: int  # from 0, the strongest
    pattern: Pattern
    example_id: str  # of the training example
    target_class: int  # that the model predicts for it


def mine(
    rows: Sequence[Mapping[str, Any]], examples: Mapping[str, Example], *, settings: Triggers
) -> tuple[list[Trigger], dict[str, int]]:
    """The strongest patterns of attributed training examples, and what became of the others.

    `rows` are those of the attribution store, `examples` maps their ids to the examples. Counted are the `examples`,
    those `without_tokens` (their edges touch special ones only), the `too_weak`, `repeats` of a stronger one's tokens,
    and the `patterns` that are kept.
    """
    found: list[Trigger] = []
    for row in rows:
        edges: list[Edge] = [(edge["query"], edge["key"], edge["value"]) for edge in row["top_edges"]]
        if len(edges) < 2 <= row["n"]:
            raise InputError(f"attribute.top_edges is {len(edges)}, but triggers need the two largest edges")
        found += trigger(MINED, row, examples[row["example_id"]], edges, settings=settings)
    strong = [one for one in found if (one.pattern.strength or 0.0) >= settings.least_attribution]
    distinct = strongest(strong, count=len(strong))
    kept = distinct[: settings.n_triggers]
    return kept, {
        "examples": len(rows),
        "without_tokens": len(rows) - len(found),
        "too_weak": len(found) - len(strong),
        "repeats": len(strong) - len(distinct),
        "patterns": len(kept),
    }


def trigger(
    kind: str, row: Mapping[str, Any], example: Example, edges: Sequence[Edge], *, settings: Triggers
) -> list[Trigger]:
    """The trigger of one example's edges, strongest first, or none."""
    pattern = mine_pattern(example.input_ids, example.segments, edges, second_share=settings.second_share)
    return [] if pattern is None else [Trigger(kind, 0, pattern, example.example_id, row["target_class"])]


def strongest(triggers: Sequence[Trigger], *, count: int) -> list[Trigger]:
    """At most `count` triggers by strength, ranked; of those with the same tokens the strongest, of ties the first."""
    ordered = sorted(triggers, key=lambda one: -(one.pattern.strength or 0.0))
    distinct: dict[tuple[int, ...], Trigger] = {}
    for one in ordered:
        distinct.setdefault(tuple(sorted(one.pattern.tokens)), one)
    kept = list(distinct.values())[:count]
    return [replace(one, rank=rank) for rank, one in enumerate(kept)]


def with_tokens(mined: Sequence[Trigger], tokens: NDArray[np.int64], kind: str) -> list[Trigger]:
    """Triggers of a control: the mined ones with `tokens`, all triggers' one after the other, in place of theirs."""
    waiting = iter(tokens.tolist())
    return [
        replace(one, kind=kind, pattern=replace(one.pattern, tokens=drawn, strength=None))
        for one in mined
        for drawn in [tuple(next(waiting) for _ in one.pattern.tokens)]
    ]
