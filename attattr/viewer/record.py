"""One explained text as plain values, small enough for a corpus of them: what `explain --json` writes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attattr.viewer.pack import rounded, strongest_edges

if TYPE_CHECKING:
    from attattr.tree import AttributionTree, TreeEdge
    from attattr.viewer.texts import Text
    from attattr.viewer.view import View

STRONGEST = 20  # edges
EDGE = ("layer", "head", "query", "key", "value")


def record(view: View, text: Text, tree: AttributionTree) -> dict[str, Any]:
    """Prediction, convergence, scores of tokens and heads, the tree, the strongest edges; layers and heads from 0.

    By the kind of the outputs: `probabilities` of classes, and the one that is `predicted`; `probabilities` of labels,
    and the list of those that are; or `values`.
    """
    one = view.explanations[0]
    return {
        "number": int(view.name),
        "text": text,
        "tokens": list(view.tokens),
        "unknown": list(view.unknown),
        "classes": list(view.classes),
        **_said(view),
        "target": one.target,
        "value": rounded(one.value),
        "converged": not any(one.unconverged),
        "steps": list(one.steps),
        "estimated_error": [rounded(value) for value in one.estimated_error],
        "completeness_gap": [rounded(value) for value in one.completeness_gap],
        "passed_on": [rounded(value) for value in one.passed_on.tolist()],
        "heads": [[rounded(value) for value in row] for row in one.heads["attribution, summed"].tolist()],
        "root": tree.root,
        "tree": [_tree_edge(edge, tree) for edge in tree.edges],
        "edges": [dict(zip(EDGE, edge, strict=True)) for edge in strongest_edges(one.attribution, STRONGEST)],
    }


def _tree_edge(edge: TreeEdge, tree: AttributionTree) -> dict[str, Any]:
    """`readout` says that it is the first token's, which reads the tree and is not counted as part of it."""
    return {**edge._asdict(), "value": rounded(edge.value), "readout": edge.query == tree.readout}


def _said(view: View) -> dict[str, Any]:
    if view.kind == "values":
        return {"values": [rounded(value) for value in view.values]}
    predicted = view.predicted[0] if view.kind == "classes" else list(view.predicted)
    return {"probabilities": [rounded(value) for value in view.probabilities], "predicted": predicted}


def written(records: list[dict[str, Any]], **about: object) -> str:
    """Records of texts as JSON, with what they have in common."""
    content = {**about, "texts": records}
    return f"{json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)}\n"
