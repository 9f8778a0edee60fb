"""Views in files: numbers as they were measured, so that a page can be made of them without the model."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save

from attattr.tree import AttributionTree, TreeEdge
from attattr.viewer.view import Explanation, Share, View

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

MAPS, FACTS = "views.safetensors", "views.json"
# What only the measuring of shares needs.
DROPPED = "gradient_sum"


def view_files(views: Sequence[View]) -> dict[str, bytes]:
    """The content of a folder that `read_views` reads, by the files' names; the same views give the same bytes."""
    tensors: dict[str, Tensor] = {}
    facts = [_facts(view, str(number), tensors) for number, view in enumerate(views)]
    text = json.dumps({"views": facts}, sort_keys=True, ensure_ascii=False)
    return {MAPS: save({name: tensor.contiguous() for name, tensor in tensors.items()}), FACTS: f"{text}\n".encode()}


def read_views(folder: Path) -> list[View]:
    """The views of a folder, in their order."""
    tensors = load_file(folder / MAPS)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))["views"]
    return [_view(one, str(number), tensors) for number, one in enumerate(facts)]


def _facts(view: View, place: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    tensors[f"{place}.attention"] = view.attention
    plain = {one.name: getattr(view, one.name) for one in fields(View) if one.name not in ("attention", "explanations")}
    classes = [_class_facts(one, f"{place}.{number}", tensors) for number, one in enumerate(view.explanations)]
    return {**plain, "explanations": classes}


def _class_facts(one: Explanation, place: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    tensors[f"{place}.attribution"] = one.attribution
    tensors[f"{place}.passed_on"] = one.passed_on
    tensors |= {f"{place}.heads.{method}": values for method, values in one.heads.items()}
    apart = ("attribution", "passed_on", "heads", "trees", "shares", DROPPED)
    # Most thresholds have the tree of the one before.
    trees = list(dict.fromkeys(one.trees))
    return {
        **{field.name: getattr(one, field.name) for field in fields(Explanation) if field.name not in apart},
        "heads": list(one.heads),
        "trees": [{"root": tree.root, "edges": tree.edges} for tree in trees],
        "at": [trees.index(tree) for tree in one.trees],
        "shares": [asdict(share) for share in one.shares],
    }


def _view(facts: dict[str, Any], place: str, tensors: dict[str, Tensor]) -> View:
    classes = [_explanation(one, f"{place}.{number}", tensors) for number, one in enumerate(facts.pop("explanations"))]
    facts |= {name: tuple(facts[name]) for name in ("predicted", "unknown", "values")}
    return View(**facts, attention=tensors[f"{place}.attention"], explanations=tuple(classes))


def _explanation(facts: dict[str, Any], place: str, tensors: dict[str, Tensor]) -> Explanation:
    trees = [AttributionTree(tree["root"], tuple(TreeEdge(*e) for e in tree["edges"])) for tree in facts.pop("trees")]
    shares = [Share(**{**share, "random": tuple(share["random"])}) for share in facts.pop("shares")]
    return Explanation(
        **{name: value for name, value in facts.items() if name not in ("heads", "at")},
        attribution=tensors[f"{place}.attribution"],
        passed_on=tensors[f"{place}.passed_on"],
        heads={method: tensors[f"{place}.heads.{method}"] for method in facts["heads"]},
        gradient_sum=None,
        trees=tuple(trees[number] for number in facts["at"]),
        shares=tuple(shares),
    )
