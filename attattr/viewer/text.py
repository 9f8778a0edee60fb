"""One example as text of at most 80 columns: what the model says, whether to trust the scores, tokens, tree, edges."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from attattr.segments import MOST_UNKNOWN
from attattr.tree import attribution_tree
from attattr.viewer.characters import LONGEST, columns, fitted, padded, told_apart, wrapped
from attattr.viewer.kinds import THRESHOLD
from attattr.viewer.pack import strongest_edges
from attattr.viewer.tree_words import tree_words
from attattr.viewer.view import THRESHOLDS
from attattr.viewer.words import LONGEST_CLASS, answer, is_foreign, unknown_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from attattr.tree import AttributionTree, TreeEdge
    from attattr.viewer.view import Carried, Explanation, View

WIDTH = 80
PLAIN = ("probability", "value")  # of which no one needs to be told what a value is
EDGES = 8
MOST_TOKENS = 24  # that are shown with bars
BAR = 40  # columns of the longest
MOST_CLASSES = 8  # that are shown, save of labels, of which all that are predicted are
DEEPEST = 30  # columns by which a branch is indented


def whole_text(view: View, tree: AttributionTree, *, tau: float, title: str, carried: Carried | None) -> str:
    """Of the class that is explained: prediction, answer, convergence, tokens, the tree, the strongest edges.

    `carried` is what the tree carries, where it was measured.
    """
    one, names = view.explanations[0], told_apart(view.tokens)
    lower = ((at, attribution_tree(one.head_sum, tau=at)) for at in reversed(THRESHOLDS) if at < tau)
    words = tree_words(view, one, tree, tau=tau, carried=carried, lower=lower)
    label = fitted(view.classes[one.target], LONGEST_CLASS)
    blocks = [
        fitted(title, WIDTH),
        _prediction(view, one),
        wrapped(f"{answer(view, one, carried)} {words.sentence}".rstrip(), WIDTH),
        convergence(one),
        wrapped(unknown_words(view), WIDTH),
    ]
    if is_foreign(view):
        return _joined([*blocks, wrapped(words.verdict, WIDTH)])
    blocks += [
        "\n".join(_tokens(one, names, label=label)),
        "\n".join(_tree(names, tree, tau=tau, verdict=words.verdict)),
        "\n".join(_edges(one, names, label=label)),
    ]
    return _joined(blocks)


def _joined(blocks: Sequence[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def corpus_text(records: Sequence[Mapping[str, Any]], *, model: str, output: str, unknown: int, tokens: int) -> str:
    """A line for each text, from what the JSON says of it; `unknown` of all the `tokens`, special ones not counted.

    `output` is what the values are, as `kinds.name_of` gives it.
    """
    missed = sum(not record["converged"] for record in records)
    notes = [
        f"value: the {output.replace('_', ' ')} of what is explained." if output not in PLAIN else "",
        f"!: {missed} of {len(records)} not converged, read their scores with care." if missed else "",
        f"{unknown} of {tokens} tokens are unknown to the model." if unknown > MOST_UNKNOWN * tokens else "",
    ]
    heading = f"{'text':>5} {'explained':<12} {'value':>7}  {'strongest edge for it':<{2 * LONGEST + 4}} {'score':>8}"
    lines = "".join(map(_one_line, records))
    return f"{fitted(model, WIDTH)}\n\n{heading}\n{lines}" + "".join(f"\n{note}\n" for note in notes if note)


def _one_line(record: Mapping[str, Any]) -> str:
    best = max(record["edges"], key=lambda edge: edge["value"])
    names = told_apart(record["tokens"])
    label = padded(fitted(record["classes"][record["target"]], 12), 12)
    edge = f"{names[best['query']]} -> {names[best['key']]}"
    mark = "" if record["converged"] else " !"
    start = f"{record['number']:>5} {label} {record['value']:7.3f}  {padded(edge, 2 * LONGEST + 4)}"
    return f"{start} {best['value']:+8.3f}{mark}\n"


def convergence(one: Explanation) -> str:
    """Whether the integral has converged; where it has not, in which layers, and the largest completeness gap."""
    short = [str(layer + 1) for layer, missed in enumerate(one.unconverged) if missed]
    if not short:
        return f"Converged: estimated error at most {100 * max(one.estimated_error):.2g} %."
    relative = [
        abs(gap) / total if total > 0 else 0.0 for gap, total in zip(one.completeness_gap, one.absolute, strict=True)
    ]
    worst = max(range(len(relative)), key=relative.__getitem__)
    gap = f"Completeness gap at most {100 * relative[worst]:.2g} % of the scores, in layer {worst + 1}."
    return wrapped(f"NOT converged in layer {', '.join(short)}: read these scores with care. {gap}", WIDTH)


def _prediction(view: View, one: Explanation) -> str:
    names, numbers = [fitted(name, LONGEST_CLASS) for name in view.classes], view.values or view.probabilities
    order = sorted(range(len(names)), key=lambda label: -numbers[label])[: max(MOST_CLASSES, len(view.predicted))]
    # The class that is explained may be less likely than all of these.
    shown = order if one.target in order else [*order, one.target]
    width = max(columns(names[label]) for label in shown)
    lines = []
    for label in shown:
        notes = [
            note
            for note, there in (("predicted", label in view.predicted), ("explained", label == one.target))
            if there
        ]
        lines.append(f"{padded(names[label], width)}  {numbers[label]:7.3f}  {', '.join(notes)}".rstrip())
    return "\n".join([*lines, *_meaning(view)])


def _meaning(view: View) -> Iterator[str]:
    """What the numbers are, where they are no probabilities of which one class has the largest."""
    if view.kind == "values":
        yield "No probabilities: the model is a regression, and these are its values."
    elif view.kind == "labels":
        none = "" if view.predicted else "; here none is"
        yield f"Labels have a probability each, and are predicted above {THRESHOLD:g}{none}."


def _tokens(one: Explanation, names: Sequence[str], *, label: str) -> Iterator[str]:
    """What each passes on, as a bar; of a long text those that pass on most, in their order."""
    values = one.passed_on.tolist()
    most = sorted(range(len(names)), key=lambda place: -values[place])[:MOST_TOKENS]
    largest = max(values[most[0]], 0)
    part = "" if len(most) == len(names) else f" ({len(most)} of {len(names)} tokens)"
    yield f"What tokens pass on for {label}{part}"
    for place in sorted(most):
        length = round(BAR * values[place] / largest) if largest > 0 else 0
        yield f"{padded(names[place], LONGEST)}  {values[place]:8.4f}  {'#' * length}".rstrip()


def _edges(one: Explanation, names: Sequence[str], *, label: str) -> Iterator[str]:
    yield f"Strongest edges for {label}"
    yield f"{'reads':>{LONGEST}}    {'is read':<{LONGEST}} layer  head  attribution"
    for layer, head, query, key, value in strongest_edges(one.attribution, EDGES):
        reads, read = names[int(query)], names[int(key)]
        reader = " " * (LONGEST - columns(reads)) + reads
        yield f"{reader} -> {padded(read, LONGEST)} {layer + 1:5.0f} {head + 1:5.0f}  {value:+11.4f}"


def _tree(names: Sequence[str], tree: AttributionTree, *, tau: float, verdict: str) -> Iterator[str]:
    """What the root reads, and what this reads in turn; branches too deep for the width go on below."""
    if tree.root is None:
        yield f"Attribution tree at tau {tau:g}: empty, as no token has a positive attribution"
        return
    read: defaultdict[int, list[TreeEdge]] = defaultdict(list)
    for edge in tree.inner:
        read[edge.query].append(edge)
    edges = f"{len(tree.inner)} edge{'' if len(tree.inner) == 1 else 's'}"
    yield f"Attribution tree at tau {tau:g}: {edges}; {names[tree.root]} reads most"
    if verdict:
        yield wrapped(verdict, WIDTH)
    tops = [tree.root]
    for top in tops:  # grows on the way
        yield names[top] if top == tree.root else f"\n... {names[top]}"
        # A stack, as a tree of many tokens may be deeper than Python's.
        waiting = _siblings(read[top], indent="")
        while waiting:
            edge, indent, last = waiting.pop()
            below = f"{indent}{'   ' if last else '|  '}"
            deeper = read[edge.key]
            cut = bool(deeper) and len(below) > DEEPEST
            line = f"{indent}{'`-' if last else '|-'} {names[edge.key]}{' ...' if cut else ''}"
            note = f"layer {edge.layer + 1:2}  {edge.value:+.4f}"
            yield f"{padded(line, WIDTH - len(note) - 1)} {note}"
            if cut:
                tops.append(edge.key)
            else:
                waiting += _siblings(deeper, indent=below)


def _siblings(edges: Sequence[TreeEdge], *, indent: str) -> list[tuple[TreeEdge, str, bool]]:
    """The edges with their indent and whether each is the last of them, which is the first here: a stack."""
    return [(edge, indent, number == 0) for number, edge in enumerate(reversed(edges))]
