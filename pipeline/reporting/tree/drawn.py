"""The trees that are drawn: of a few examples, with their tokens and what the model says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.values.store import read_json, read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.values.schema import Examples


def drawn_trees(
    *, data: Path, attributions: Path, trees: Path, labels: Sequence[str], settings: Examples
) -> list[dict[str, Any]]:
    """The first `n_trees` dev examples whose whole maps are kept and that are at most `longest_tree` tokens long.

    `data`, `attributions` and `trees` are what `prepare`, `attribute` and `tree` wrote, `labels` names the classes.
    `head` is the (layer, head) that holds the example's largest attribution.
    """
    from safetensors import safe_open
    from tokenizers import Tokenizer

    with safe_open(attributions / "full.safetensors", framework="numpy") as maps:
        layers = {name.partition(".")[0]: maps.get_slice(name).get_shape()[0] for name in maps.keys()}  # noqa: SIM118
    read = ["example_id", "input_ids", "label"]
    examples = [row for row in read_rows(data / "dev.parquet", columns=read) if row["example_id"] in layers]
    fitting = [row for row in examples if len(row["input_ids"]) <= settings.longest_tree]
    heads = {
        row["example_id"]: row for row in read_rows(attributions / "heads.parquet", split="dev", target="predicted")
    }
    roots = read_json(trees / "trees.json")["roots"]
    to_token = Tokenizer.from_file(str(data / "tokenizer" / "tokenizer.json")).id_to_token
    return [
        {
            "example_id": name,
            "tokens": [to_token(number) for number in row["input_ids"]],
            "label": labels[row["label"]],
            "predicted": labels[heads[name]["predicted"]],
            "probability": heads[name]["output"],
            "head": heads[name]["top_head"],
            "layers": layers[name],
            "root": roots[name],
            "edges": read_rows(trees / "edges.parquet", columns=["query", "key", "layer", "value"], example_id=name),
        }
        for row in fitting[: settings.n_trees]
        if (name := row["example_id"])
    ]
