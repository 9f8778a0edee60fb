"""Which trees are kept to be drawn, and what is counted of all."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from transformers import BertTokenizer

from attattr.tree import AttributionTree, TreeEdge
from pipeline.experiments.tree.shown import shown_trees
from pipeline.predicting.examples import Example
from pipeline.values.store import write_rows

LENGTHS = {"dev-0": 3, "dev-1": 5, "dev-2": 3, "dev-3": 3}
TREES = {
    "dev-0": AttributionTree(1, (TreeEdge(0, 1, 1, 0.5),)),
    "dev-1": AttributionTree(None, ()),
    "dev-2": AttributionTree(None, ()),
    "dev-3": AttributionTree(1, ()),
}
COUNTS = {"examples": 4, "rootless": 2}


@pytest.fixture
def shown(tmp_path, section):
    """`shown(**settings)`: of four examples, all but the third with whole maps."""
    examples = [Example(name, [2, *[4] * (n - 2), 3], [0] * n, 0, [[1, n - 1]]) for name, n in LENGTHS.items()]
    BertTokenizer(vocab={"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3, "word": 4}).save_pretrained(tmp_path / "words")
    rows = [
        {"split": "dev", "example_id": name, "target": "predicted", "predicted": 1, "output": 0.75}
        | {"top_head": [1, 0]}
        for name in LENGTHS
    ]
    write_rows(tmp_path / "heads.parquet", rows)
    maps = {f"{name}.predicted.attribution": np.zeros(1) for name in ("dev-0", "dev-1", "dev-3")}
    save_file(maps, tmp_path / "full.safetensors")

    def make(**changes):
        settings = section("tree", **{"n_shown": 2, "longest_shown": 4, "withheld": [], **changes})
        place = {"tokenizer": tmp_path / "words", "task": "sst2", "labels": ("negative", "positive")}
        return shown_trees(examples, tmp_path, TREES, layers=2, settings=settings, **place)

    return make


def test_the_first_that_are_short_and_have_whole_maps_are_kept(shown):
    found = shown()
    assert {name: found[name] for name in COUNTS} == COUNTS
    assert [tree["example_id"] for tree in found["trees"]] == ["dev-0", "dev-3"]
    assert found["trees"][0] == {"example_id": "dev-0", "tokens": ["[CLS]", "word", "[SEP]"], "label": "negative"} | {
        "predicted": "positive",
        "probability": 0.75,
        "head": [1, 0],
        "layers": 2,
        "root": 1,
        "edges": [{"query": 0, "key": 1, "layer": 1, "value": 0.5}],
    }
    assert [tree["example_id"] for tree in shown(n_shown=1)["trees"]] == ["dev-0"]
    assert [tree["example_id"] for tree in shown(n_shown=9, longest_shown=9)["trees"]] == ["dev-0", "dev-1", "dev-3"]


@pytest.mark.parametrize("changes", [{"withheld": ["sst2"]}, {"n_shown": 0}])
def test_where_no_sentence_may_be_shown_all_trees_are_counted(shown, changes):
    assert shown(**changes) == COUNTS | {"trees": []}
