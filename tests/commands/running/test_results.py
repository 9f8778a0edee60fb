"""The few words on what a stage has come to, of outcomes whose numbers are known by hand."""

from pathlib import Path

import pytest
from outcomes_by_hand import write_model

from pipeline.commands.running.results import result
from pipeline.values.presets import compose_params

PARAMS = compose_params(["preset=mini", "tasks=[negation]", "seeds=[1]"])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the outcomes of one model."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path, "negation", 1)
    return tmp_path


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("prepare", "9 training rows, 4 evaluated"),
        ("finetune", "dev accuracy 75.0 %"),  # three of four
        ("attribute", "3 examples, error 12 %"),  # gaps of 1/8 of changes of 1
        ("effectiveness", "area 17 points (by attention 0)"),  # a third of 50, between 75 % and 25 % of one head masked
        ("prune", "accuracy while pruned 62 % (random 31 %)"),  # 75, 75, 25 %; 75, 0, 25 and 75, 25, 25 %
        ("tree", "trees of 2.0 edges carry 50 % (random 17 %)"),  # 0.625 and 0.375 of 0.25 to 1
        ("triggers", "accuracy falls by 50 points (random 0)"),
        ("convergence", "20 right-rule steps: error 1 %"),
        ("truth", "pairs that matter: AUROC 0.88"),  # 1 and 0.75
        ("planted_paths", "edges on the path: AUROC 1.00"),
        ("shortcut", "planted word first in 100 % of texts"),
    ],
)
def test_numbers_by_hand(stage: str, words: str) -> None:
    item = "1" if stage == "planted_paths" else "negation-1"
    assert result(f"{stage}@{item}", PARAMS) == words
    assert len(words) <= 44


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("stage", ["source", "view@negation-1", "universality@negation-1", "analyse", "report"])
def test_nothing_is_said_of_what_has_no_number(stage: str) -> None:
    assert result(stage, PARAMS) is None
