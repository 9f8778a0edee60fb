"""Which trees are drawn, and what is said of them."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from transformers import BertTokenizer

from pipeline.reporting.tree.drawn import drawn_trees
from pipeline.values.store import write_json, write_rows

LENGTHS = {"dev-0": 3, "dev-1": 5, "dev-2": 3, "dev-3": 3}
ROOTS = {"dev-0": 1, "dev-1": None, "dev-2": None, "dev-3": 1}
EDGE = {"query": 0, "key": 1, "layer": 1, "value": 0.5}


@pytest.fixture
def drawn(tmp_path, section):
    """`drawn(**settings)`: of four examples, all but the third with whole maps."""
    data = tmp_path / "data"
    words = {"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3, "word": 4}
    BertTokenizer(vocab=words).save_pretrained(data / "tokenizer")
    examples = [
        {"example_id": name, "input_ids": [2, *[4] * (n - 2), 3], "label": 0, "more": 1} for name, n in LENGTHS.items()
    ]
    write_rows(data / "dev.parquet", examples)
    rows = [
        {"split": split, "example_id": name, "target": "predicted", "predicted": predicted, "output": 0.75}
        | {"top_head": [1, 0]}
        for name in LENGTHS
        for split, predicted in (("mine", 0), ("dev", 1))
    ]
    write_rows(tmp_path / "heads.parquet", rows)
    maps = {f"{name}.predicted.attribution": np.zeros((2, 4, 3, 3)) for name in ("dev-0", "dev-1", "dev-3")}
    save_file(maps, tmp_path / "full.safetensors")
    write_rows(tmp_path / "edges.parquet", [{"example_id": "dev-0", **EDGE}, {"example_id": "dev-2", **EDGE}])
    write_json(tmp_path / "trees.json", {"examples": 4, "rootless": 2, "roots": ROOTS})

    def make(**changes):
        settings = section("examples", **{"n_trees": 2, "longest_tree": 4, **changes})
        labels = ("negative", "positive")
        return drawn_trees(data=data, attributions=tmp_path, trees=tmp_path, labels=labels, settings=settings)

    return make


def test_the_first_that_are_short_and_have_whole_maps_are_drawn(drawn):
    found = drawn()
    assert [tree["example_id"] for tree in found] == ["dev-0", "dev-3"]
    assert found[0] == {"example_id": "dev-0", "tokens": ["[CLS]", "word", "[SEP]"], "label": "negative"} | {
        "predicted": "positive",
        "probability": 0.75,
        "head": [1, 0],
        "layers": 2,
        "root": 1,
        "edges": [EDGE],
    }
    assert (found[1]["root"], found[1]["edges"]) == (1, [])
    assert [tree["example_id"] for tree in drawn(n_trees=1)] == ["dev-0"]
    assert [tree["example_id"] for tree in drawn(n_trees=9, longest_tree=9)] == ["dev-0", "dev-1", "dev-3"]
    assert drawn(n_trees=0) == []
