"""The tables that hold sentences, from files of a made-up run."""

from pathlib import Path
from typing import Any

import pytest
from outcomes_by_hand import write_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from pipeline.analysis.experiments import ANALYSES
from pipeline.analysis.outcomes import Outcomes
from pipeline.tracking.sentences import tree_rows, trigger_rows
from pipeline.values.config import StageConfig
from pipeline.values.presets import compose_params
from pipeline.values.store import write_csv, write_rows

WORDS = ["[PAD]", "[CLS]", "[SEP]", "it", "was", "good", "bad", "trigger"]  # outcomes_by_hand's triggers are id 7


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of one model whose four dev examples have words."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path, "negation", 1)
    data = tmp_path / "outputs/data/negation-1"
    ids = [[1, 3, 4, last, 2] for last in (6, 5, 6, 5)]
    known = {"token_type_ids": [0] * 5, "segments": [[1, 4]]}
    rows = [{"example_id": f"dev-{n}", "input_ids": one, "label": n // 2} | known for n, one in enumerate(ids)]
    write_rows(data / "dev.parquet", rows)
    (data / "tokenizer").mkdir()
    Tokenizer(WordLevel(dict(zip(WORDS, range(8), strict=True)))).save(str(data / "tokenizer/tokenizer.json"))
    found = ANALYSES["triggers"](Outcomes(tmp_path, ["negation"], [1]), config("triggers"))
    write_csv(tmp_path / "outputs/analysis/triggers/triggers.csv", found.tables["triggers"])
    return tmp_path


EDGES = [{"query": 2, "key": 3, "layer": 1, "value": 0.5}, {"query": 0, "key": 2, "layer": 3, "value": 0.25}]
TREE = {"example_id": "dev-0", "tokens": ["[CLS]", "it", "was", "bad", "[SEP]"], "label": "negative"}
TREE |= {"predicted": "positive", "probability": 0.75, "root": 2, "edges": EDGES}


def config(stage: str) -> Any:
    params = compose_params(["preset=mini_full", "seeds=[1]"])
    return StageConfig(
        params,
        stage=stage,
        declared=frozenset({"triggers", "tree", "analyse", "conf/tasks.yaml"}),
        task="negation",
        seed=1,
    )


@pytest.mark.usefixtures("place")
def test_a_trigger_is_shown_in_a_sentence_that_it_turns() -> None:
    first, second = trigger_rows(config("triggers"))
    # Without it dev-0 to dev-2 are right, with the first one dev-0 alone: the first that it turns is dev-1.
    assert (first["rank"], first["tokens"], first["example_id"]) == (0, "a", "dev-1")
    assert first["before"] == "[CLS] it was good [SEP]"
    assert first["after"] == "[CLS] it was trigger good [SEP]"  # of four own tokens the one at half
    assert (first["label"], first["predicted_before"], first["predicted_after"]) == ("negative", "negative", "positive")
    assert first["drop"] == 0.5
    # The second trigger turns dev-2.
    assert (second["rank"], second["example_id"], second["label"]) == (1, "dev-2", "positive")


def test_a_tree_is_a_row_for_each_edge() -> None:
    inner, outer = tree_rows([TREE])
    assert (inner["sentence"], inner["root"]) == ("[CLS] it was bad [SEP]", "was")
    assert [(row["layer"], row["reads"], row["is_read"], row["attribution"]) for row in (inner, outer)] == [
        (1, "was", "bad", 0.5),
        (3, "[CLS]", "was", 0.25),
    ]


@pytest.mark.usefixtures("place")
def test_nothing_of_a_task_whose_texts_may_not_be_published() -> None:
    assert trigger_rows(config("triggers"))
    closed = config("triggers")
    table = closed.all_values.table
    closed.all_values._table = {**table, "negation": table["negation"].model_copy(update={"published": False})}
    assert trigger_rows(closed) == []
