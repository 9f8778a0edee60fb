"""The trees that are drawn, with their tokens: the only place of the experiments that holds sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attattr.tree import AttributionTree
from pipeline.predicting.examples import Example
from pipeline.scoring.store import read_heads

if TYPE_CHECKING:
    from pipeline.values.schema import Tree


def shown_trees(
    examples: Sequence[Example],
    attributions: Path,
    trees: Mapping[str, AttributionTree],
    *,
    tokenizer: Path,
    task: str,
    labels: Sequence[str],
    layers: int,
    settings: Tree,
) -> dict[str, Any]:
    """The first `n_shown` examples whose whole maps are kept and that are at most `longest_shown` tokens long.

    `tokenizer` is the folder that `prepare` keeps it in, `labels` names the classes. `head` is the (layer, head) that
    holds the example's largest attribution. None of a task that is withheld. `examples` and `rootless` count all trees,
    and those without a root.
    """
    from safetensors import safe_open
    from transformers import AutoTokenizer

    counts = {"examples": len(trees), "rootless": sum(tree.root is None for tree in trees.values())}
    if task in settings.withheld or not settings.n_shown:
        return counts | {"trees": []}
    with safe_open(attributions / "full.safetensors", framework="numpy") as maps:
        kept = {name.partition(".")[0] for name in maps.keys()}  # noqa: SIM118 (it is no mapping)
    rows = {row["example_id"]: row for row in read_heads(attributions, split="dev", target="predicted")}
    fitting = [e for e in examples if e.example_id in kept and len(e) <= settings.longest_shown]
    to_tokens = AutoTokenizer.from_pretrained(tokenizer).convert_ids_to_tokens
    return counts | {
        "trees": [
            {
                "example_id": example.example_id,
                "tokens": to_tokens(example.input_ids),
                "label": labels[example.label],
                "predicted": labels[rows[example.example_id]["predicted"]],
                "probability": rows[example.example_id]["output"],
                "head": rows[example.example_id]["top_head"],
                "layers": layers,
                "root": trees[example.example_id].root,
                "edges": [edge._asdict() for edge in trees[example.example_id].edges],
            }
            for example in fitting[: settings.n_shown]
        ]
    }
