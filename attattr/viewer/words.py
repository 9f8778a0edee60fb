"""What a model says and why, in sentences: the same in the terminal and on the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attattr.segments import MOST_UNKNOWN
from attattr.viewer.characters import LONGEST, fitted, told_apart
from attattr.viewer.kinds import THRESHOLD, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attattr.viewer.view import Carried, Explanation, View

LONGEST_CLASS = 40  # columns
MOST_TOKENS = 3  # that are named
LEAST_PASSED_ON = 0.25  # of the largest, by a token that is named
LEAST_LOST = 1e-3  # of F without any edge, where a share of it says anything
LITTLE_LOST = 0.1  # of a probability
MOST_WORDS = 12  # that are unknown, and shown
UNITS = {"log_probability": "log probability", "margin": "log-odds"}


def unknown_words(view: View) -> str:
    """Which words the model does not know, where they are more than in any usual text; else nothing."""
    count, own = len(view.unknown), len(view.tokens) - len(view.special)
    if count <= MOST_UNKNOWN * own:
        return ""
    words = list(dict.fromkeys(quoted(fitted(view.tokens[place], LONGEST)) for place in view.unknown))
    more = len(words) - MOST_WORDS
    shown_words = [*words[:MOST_WORDS], f"{more} more"] if more > 0 else words
    which = "is unknown to the model" if count == 1 else "are unknown to the model, which cannot tell them apart"
    return f"{count} of {own} tokens {which}: {listed(shown_words)}."


def is_foreign(view: View) -> bool:
    """Whether the model does not know more than half of the text."""
    return len(view.unknown) > (len(view.tokens) - len(view.special)) / 2


def answer(view: View, one: Explanation, carried: Carried | None) -> str:
    """What the model says, which tokens pass on most, and what it would say without attention between tokens.

    `carried` is of any tree; None where nothing was measured.
    """
    parts = [_said(view, one), _tokens(view, one)]
    found = known(carried)
    if found:
        unit = unit_of(view, one)
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
    unit, label = unit_of(view, one), label_of(view, one.target)
    value = shown(one.value, unit)
    if view.kind == "values":
        return f"The model gives {label} the value {value}."
    predicted = [f"{label_of(view, k)} ({shown(view.probabilities[k], 'probability')})" for k in view.predicted]
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
    return f"{listed([quoted(names[place]) for place in most])} {verb} on {percent(part)} of what speaks for it."


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


def percent(share: float) -> str:
    """To whole per cent."""
    return f"{100 * share:.0f} %"


def unit_of(view: View, one: Explanation) -> str:
    """What is explained, as a sentence calls it."""
    name = name_of(one.output, view.kind)
    return UNITS.get(name, name)


def label_of(view: View, label: int) -> str:
    """The class's name, at most `LONGEST_CLASS` columns."""
    return fitted(view.classes[label], LONGEST_CLASS)
