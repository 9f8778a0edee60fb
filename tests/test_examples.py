"""The stage that makes pages of single examples: from numbers alone, and not of texts that may not be published."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from transformers import BertTokenizer
from views_by_hand import random_view

from attattr.viewer.pack import packed
from attattr.viewer.store import view_files
from pipeline import examples
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration
from pipeline.values.paths import SOURCE
from pipeline.values.presets import compose_params
from pipeline.values.store import read_json, write_json, write_rows

VIEWS = [random_view(seed, tokens=6) for seed in (1, 2, 3)]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A run of one model of `negation`: an example with its words, scores and tree, and three views."""
    monkeypatch.chdir(tmp_path)
    outputs = Path("outputs")
    words = {"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3, "fine": 4}
    BertTokenizer(vocab=words).save_pretrained(outputs / "data/negation-1/tokenizer")
    write_rows(outputs / "data/negation-1/dev.parquet", [{"example_id": "dev-0", "input_ids": [2, 4, 3], "label": 1}])
    row = {"split": "dev", "target": "predicted", "example_id": "dev-0", "predicted": 1, "output": 0.9}
    write_rows(outputs / "attributions/negation-1/heads.parquet", [row | {"top_head": [0, 1]}])
    maps = {"dev-0.predicted.attribution": np.zeros((2, 2, 3, 3))}
    save_file(maps, outputs / "attributions/negation-1/full.safetensors")
    edges = [{"example_id": "dev-0", "query": 0, "key": 1, "layer": 1, "value": 0.5}]
    write_rows(outputs / "tree/negation-1/edges.parquet", edges)
    write_json(outputs / "tree/negation-1/trees.json", {"examples": 1, "rootless": 0, "roots": {"dev-0": 1}})
    (outputs / "view/negation-1").mkdir(parents=True)
    for name, content in view_files(VIEWS).items():
        (outputs / "view/negation-1" / name).write_bytes(content)
    return outputs / "examples/negation-1"


def config(*overrides):
    params = compose_params(
        ["preset=mini_full", "seeds=[1]", "tasks=[negation]", "run.tracking.mode=disabled", *overrides]
    )
    declared = read_declaration("examples", SOURCE / "dvc.yaml").sections
    return StageConfig(params, stage="examples", declared=declared)


def test_trees_and_pages_of_what_was_measured(place):
    examples.main(config("examples.n_views=2"))
    (tree,) = read_json(place / "trees.json")["trees"]
    assert (tree["tokens"], tree["root"], tree["head"], tree["layers"]) == (["[CLS]", "fine", "[SEP]"], 1, [0, 1], 2)
    found = read_json(place / "viewer.json")["examples"]
    assert [one["name"] for one in found] == ["random-1", "random-2"]
    assert {one["task"] for one in found} == {"negation"}
    assert [one["explanations"] for one in found] == [one["explanations"] for one in packed(VIEWS[:2])]
    assert "negation-1: examples" in (place / "viewer.html").read_text()


def test_the_size_that_is_asked_for_is_kept(place):
    examples.main(config("examples.kilobytes=33"))
    few = json.dumps(read_json(place / "viewer.json")["examples"])
    examples.main(config())
    assert len(few) <= 33_000 < len(json.dumps(read_json(place / "viewer.json")["examples"]))


def test_nothing_of_a_task_whose_texts_may_not_be_published(place):
    closed = config()
    task = closed.table["negation"].model_copy(update={"published": False})
    closed.all_values._table = {**closed.table, "negation": task}
    examples.main(closed)
    assert {path.name: path.read_text() for path in place.iterdir()} == {
        "trees.json": '{\n  "trees": []\n}\n',
        "viewer.json": '{\n  "examples": []\n}\n',
    }


def test_no_model_is_imported():
    run = "import sys, pipeline.examples, pipeline.reporting.tree.drawn, attattr.viewer.store; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", run], cwd=SOURCE, capture_output=True, text=True, check=True)
    assert not {"transformers.models.bert", "pytorch_lightning"} & {*done.stdout.split()}
