"""What an explanation says, in sentences: the same in the terminal and on the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from attattr.viewer.characters import fitted, told_apart
from attattr.viewer.kinds import THRESHOLD, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attattr.tree import AttributionTree
    from attattr.viewer.view import Carried, Explanation, View

LONGEST_CLASS = 40  # columns
MOST_TOKENS = 3  # that are named
LEAST_PASSED_ON = 0.25  # of the largest, by a token that is named
LEAST_LOST = 1e-3  # of F without any edge, where a share of it says anything
LITTLE_LOST = 0.1  # of a probability
LEAST_CARRIED, MOST_OF_IT = 0.1, 0.5  # shares from which a tree explains part of the prediction, and most of it
NOTHING = "nothing"
UNITS = {"log_probability": "log probability", "margin": "log-odds"}

Level = Literal["most", "part", "none", "unknown"]


class TreeWords(NamedTuple):
    """A sentence on what a tree carries, the verdict that stands beside it, and its level, by which it is coloured.

    Where it was not measured what the tree carries, the level is "unknown", and there is no verdict.
    """

    sentence: str
    verdict: str
    level: Level


def answer(view: View, one: Explanation, carried: Carried | None) -> str:
    """What the model says, which tokens pass on most, and what it would say without attention between tokens.

    `carried` is of any tree; None where nothing was measured.
    """
    parts = [_said(view, one), _tokens(view, one)]
    found = known(carried)
    if found:
        unit = _unit(view, one)
        meaning = _meaning(found.full - found.none, unit)
        parts.append(f"Without attention between tokens the {unit} would be {shown(found.none, unit)}{meaning}.")
    return " ".join(parts)


def _meaning(lost: float, unit: str) -> str:
    if abs(lost) < LEAST_LOST:
        return " too, so that attention has nothing to explain"
    if lost < 0:
        return ": together, all edges speak against it"
    return ": little is lost" if unit == "probability" and lost < LITTLE_LOST else ""


def _said(view: View, one: Explanation) -> str:
    unit, label = _unit(view, one), _label(view, one.target)
    value = shown(one.value, unit)
    if view.kind == "values":
        return f"The model gives {label} the value {value}."
    predicted = [f"{_label(view, k)} ({shown(view.probabilities[k], 'probability')})" for k in view.predicted]
    if view.kind == "labels":
        found = listed(predicted) if predicted else f"no label, as no probability is above {THRESHOLD:g}"
        return f"The model predicts {found}. Explained is the {unit} of {label}, {value}."
    said = f"The model predicts {listed(predicted)}."
    if unit == "probability":
        return said if one.target in view.predicted else f"{said} Explained is {label} ({value})."
    return f"{said} Explained is the {unit} of {label}, {value}."


def _tokens(view: View, one: Explanation) -> str:
    names, passed_on = told_apart(view.tokens), one.passed_on.tolist()
    order = sorted(range(len(names)), key=lambda place: -passed_on[place])[:MOST_TOKENS]
    most = [place for place in order if passed_on[place] > LEAST_PASSED_ON * max(passed_on[order[0]], 0)]
    if not most:
        return "No token passes on anything that speaks for it."
    verb = "passes" if len(most) == 1 else "pass"
    part = sum(passed_on[place] for place in most) / sum(passed_on)
    return f"{listed([quoted(names[place]) for place in most])} {verb} on {_percent(part)} of what speaks for it."


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
    unit, lost = _unit(view, one), found.full - found.none
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
    return f"{_percent(share)} of {what}" if share < 1.005 else "more than all edges"


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
    return _percent(share) if share >= 0.005 else NOTHING


def _without_share(carried: Carried, unit: str, lost: float) -> tuple[str, Level]:
    if lost > -LEAST_LOST:
        return f"Nothing to carry: without any edge the {unit} is the same.", "none"
    none, tree = shown(carried.none, unit), shown(carried.tree, unit)
    turn = f"All edges together lower the {unit}"
    if carried.tree > carried.none:
        return f"{turn}; this tree alone raises it, from {none} to {tree}.", "part"
    return f"{turn}; this tree alone does not raise it.", "none"


def known(carried: Carried | None) -> Carried | None:
    """What was measured, if every value of it is a number."""
    if carried is None:
        return None
    values = (carried.full, carried.none, carried.tree, *carried.random)
    return carried if all(map(math.isfinite, values)) else None


def shown(value: float, unit: str) -> str:
    """A probability with three digits behind the point, of other units three that matter."""
    if unit != "probability":
        return f"{value:.3g}"
    text = f"{value:.3f}"
    return {"0.000": "below 0.001", "1.000": "above 0.999"}.get(text, text)


def listed(words: Sequence[str]) -> str:
    """As a sentence lists them: a, b and c."""
    return " and ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), *words[-1:]])


def quoted(name: str) -> str:
    """A token in a sentence, of which it may be a full stop."""
    return f'"{name}"'


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _unit(view: View, one: Explanation) -> str:
    name = name_of(one.output, view.kind)
    return UNITS.get(name, name)


def _explained(view: View, target: int) -> str:
    if view.kind == "values":
        return "the value"
    return "the prediction" if target in view.predicted else _label(view, target)


def _label(view: View, label: int) -> str:
    return fitted(view.classes[label], LONGEST_CLASS)
