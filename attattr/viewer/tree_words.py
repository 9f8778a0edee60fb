"""What a tree carries, in words: the same in the terminal and on the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from attattr.viewer.characters import told_apart
from attattr.viewer.words import LEAST_LOST, is_foreign, known, label_of, percent, quoted, shown, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attattr.tree import AttributionTree
    from attattr.viewer.view import Carried, Explanation, View

LEAST_CARRIED, MOST_OF_IT = 0.1, 0.5  # shares from which a tree explains part of the prediction, and most of it
NOTHING = "nothing"
FOREIGN = (
    "No tree is shown, as the model does not know most of this text: take a model that knows its words "
    "(--model of the command explain)."
)

Level = Literal["most", "part", "none", "unknown"]


class TreeWords(NamedTuple):
    """A sentence on what a tree carries, the verdict that stands beside it, and its level, by which it is coloured.

    Where it was not measured what the tree carries, the level is "unknown", and there is no verdict.
    """

    sentence: str
    verdict: str
    level: Level


def tree_words(
    view: View,
    one: Explanation,
    tree: AttributionTree,
    *,
    tau: float,
    carried: Carried | None,
    lower: Iterable[tuple[float, AttributionTree]],
) -> TreeWords:
    """What `tree`, of the threshold `tau`, carries. `lower` are smaller thresholds, the largest first, and their trees.

    The share that a tree carries is how far its edges alone bring F from its value without any edge to that with all.
    It is not said where there is no way to go, or where it leads down.
    """
    if is_foreign(view):
        return TreeWords("", FOREIGN, "none")
    if tree.root is None:
        return TreeWords("There is no tree, as no token has a positive attribution.", "", "unknown")
    if not tree.inner:
        root = quoted(told_apart(view.tokens)[tree.root])
        there = next(((at, len(other.inner)) for at, other in lower if other.inner), None)
        hint = "no threshold has one" if there is None else f"{there[0]:.2f} has {there[1]}"
        why = f"none that leads from {root} exceeds {tau:.2f} of its layer's largest"
        return TreeWords(f"The tree at threshold {tau:.2f} has no edge: {why}; {hint}.", "", "unknown")
    edges = f"{len(tree.inner)} edge{'' if len(tree.inner) == 1 else 's'}"
    subject = f"The tree at threshold {tau:.2f} ({edges})"
    found = known(carried)
    if found is None:
        return TreeWords(f"{subject}: what it carries is not measured.", "", "unknown")
    return TreeWords(*_carried_words(subject, found, view, one))


def _carried_words(subject: str, found: Carried, view: View, one: Explanation) -> tuple[str, str, Level]:
    unit, lost = unit_of(view, one), found.full - found.none
    chance = math.fsum(found.random) / len(found.random)
    alone = f"{subject} alone gives {shown(found.tree, unit)}"
    beside = f"{len(found.random)} random trees of its size give {shown(chance, unit)} on average"
    if lost < LEAST_LOST:
        return f"{alone}; {beside}.", *_without_share(found, unit, lost)
    share, by_chance, *others = ((value - found.none) / lost for value in (found.tree, chance, *found.random))
    what = _explained(view, one.target)
    sentence = f"{alone}, {_way(share, 'the way to all edges')}; {beside}, {_way(by_chance, 'it')}."
    return sentence, *_verdict(share, by_chance, others, what)


def _way(share: float, what: str) -> str:
    if share < -0.005:
        return "less than without attention"
    if share < 0.005:
        return f"none of {what}"
    return f"{percent(share)} of {what}" if share < 1.005 else "more than all edges"


def _verdict(share: float, chance: float, others: Sequence[float], what: str) -> tuple[str, Level]:
    nothing = "nor do random trees of its size"
    both = _amount(share) == _amount(chance) == NOTHING
    carries = f"Carries {_amount(share)}, {nothing if both else f'random trees of its size {_amount(chance)}'}"
    if share < chance or share < LEAST_CARRIED:
        return f"{carries}: this tree does not explain {what}.", "none"
    if share <= max(others):
        return (
            f"{carries}, one of {len(others)} even {_amount(max(others))}: this may be chance.",
            "part",
        )
    if share - chance < LEAST_CARRIED:
        return f"{carries}: this tree explains little of {what} that others do not.", "part"
    if share < MOST_OF_IT:
        return f"{carries}: this tree explains part of {what}.", "part"
    return f"{carries}: this tree explains {f'most of {what}' if share < 1 else what}.", "most"


def _amount(share: float) -> str:
    return percent(share) if share >= 0.005 else NOTHING


def _without_share(carried: Carried, unit: str, lost: float) -> tuple[str, Level]:
    if lost > -LEAST_LOST:
        return f"Nothing to carry: without any edge the {unit} is the same.", "none"
    none, tree = shown(carried.none, unit), shown(carried.tree, unit)
    turn = f"All edges together lower the {unit}"
    if carried.tree > carried.none:
        return f"{turn}; this tree alone raises it, from {none} to {tree}.", "part"
    return f"{turn}; this tree alone does not raise it.", "none"


def _explained(view: View, target: int) -> str:
    if view.kind == "values":
        return "the value"
    return "the prediction" if target in view.predicted else label_of(view, target)
