"""One example as text of at most 80 columns: what the model says, whether to trust the scores, edges, and the tree."""

from __future__ import annotations

import math
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any

from pipeline.viewer.pack import strongest_edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.attattr.tree import AttributionTree, TreeEdge
    from pipeline.viewer.view import Explanation, View

WIDTH = 80
EDGES = 8
LONGEST = 18  # characters of a token


def whole_text(view: View, tree: AttributionTree, *, tau: float, model: str) -> str:
    """Prediction, convergence, strongest edges, the tree of the class that is explained."""
    one = view.explanations[0]
    blocks = [
        shorten(model, WIDTH, placeholder=" ..."),
        _prediction(view, one),
        convergence(one),
        "\n".join(_edges(view, one)),
        "\n".join(_tree(view, tree, tau=tau)),
    ]
    return "\n\n".join(blocks) + "\n"


def one_line(record: Mapping[str, Any]) -> str:
    """A text of many: its class, and the edge that speaks for it most."""
    best = max(record["edges"], key=lambda edge: edge["value"], default=None)
    tokens = record["tokens"]
    edge = "" if best is None else f"{tokens[best['query']]} reads {tokens[best['key']]} {best['value']:+.3f}"
    mark = "" if record["converged"] else " not converged"
    label, value = record["classes"][record["target"]], record["value"]
    return f"{record['number']:>5} {label[:16]:<16} {value:8.3f}  {shorten(edge, 46, placeholder='...')}{mark}\n"


def _prediction(view: View, one: Explanation) -> str:
    width = max(len(name) for name in view.classes)
    order = sorted(range(len(view.classes)), key=lambda label: -view.probabilities[label])[:8]
    lines = []
    for label in order:
        notes = [
            note
            for note, there in (("predicted", label == view.predicted), ("explained", label == one.target))
            if there
        ]
        lines.append(f"{view.classes[label]:<{width}}  {view.probabilities[label]:7.3f}  {', '.join(notes)}".rstrip())
    return "\n".join(lines)


def convergence(one: Explanation) -> str:
    """Whether the integral has converged, and the largest completeness gap."""
    relative = [
        abs(gap) / total if total > 0 else 0.0 for gap, total in zip(one.completeness_gap, one.absolute, strict=True)
    ]
    worst = max(range(len(relative)), key=relative.__getitem__)
    short = [str(layer + 1) for layer, missed in enumerate(one.unconverged) if missed]
    errors = [error for error in one.estimated_error if not math.isnan(error)]
    if short:
        verdict = f"NOT converged in layer {', '.join(short)}: read these scores with care."
    else:
        verdict = f"Converged: estimated error at most {100 * max(errors, default=math.nan):.2g} %"
        verdict += f", {min(one.steps)} to {max(one.steps)} steps a layer."
    return fill(
        f"{verdict} Completeness gap at most {100 * relative[worst]:.2g} % of the scores, in layer {worst + 1}.", WIDTH
    )


def _edges(view: View, one: Explanation) -> Iterator[str]:
    yield f"Strongest edges for {view.classes[one.target]}"
    yield f"{'reads':>{LONGEST}}    {'is read':<{LONGEST}} layer  head  attribution"
    for layer, head, query, key, value in strongest_edges(one.attribution, EDGES):
        reads, read = (shorten_token(view.tokens[int(place)]) for place in (query, key))
        yield f"{reads:>{LONGEST}} -> {read:<{LONGEST}} {layer + 1:5.0f} {head + 1:5.0f}  {value:+11.4f}"


def _tree(view: View, tree: AttributionTree, *, tau: float) -> Iterator[str]:
    inner = tree.inner
    if tree.root is None:
        yield f"Attribution tree at tau {tau:g}: empty, as no token has a positive attribution"
        return
    yield f"Attribution tree at tau {tau:g}: {len(inner)} edges under {view.tokens[tree.root]}, which reads most"
    yield shorten_token(view.tokens[tree.root])
    yield from _branches(view.tokens, inner, tree.root, indent="")


def _branches(tokens: Sequence[str], edges: Sequence[TreeEdge], reader: int, *, indent: str) -> Iterator[str]:
    """What a token reads, and what this reads in turn; branches too deep for the width go on at its edge."""
    own = [edge for edge in edges if edge.query == reader]
    for number, edge in enumerate(own, start=1):
        last = number == len(own)
        line = f"{indent}{'`-' if last else '|-'} {shorten_token(tokens[edge.key])}"
        note = f"layer {edge.layer + 1:2}  {edge.value:+.4f}"
        yield f"{line:<{WIDTH - len(note) - 1}} {note}"
        below = f"{indent}{'   ' if last else '|  '}"
        yield from _branches(tokens, edges, edge.key, indent=below if len(below) < WIDTH - 44 else indent)


def shorten_token(token: str) -> str:
    """A token of printable characters, at most `LONGEST`."""
    shown = "".join(character if character.isprintable() else "?" for character in token)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 3]}..."
