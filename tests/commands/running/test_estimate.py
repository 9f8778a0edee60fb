"""How long a run will take, by what stages took before."""

from pathlib import Path

import pytest
import yaml

from pipeline.commands.running.estimate import FILE, about, addresses, keep_seconds, known_seconds, time_left
from pipeline.values.params import read_params
from pipeline.values.presets import compose_params
from pipeline.values.schema import Params


def lock(params: Params, *stages: str) -> None:
    """A dvc.lock with an entry for each stage, of these values."""
    values = params.model_dump(mode="json")
    entries = {name: {"cmd": "run", "params": {"params.yaml": {"prune": values["prune"]}}} for name in stages}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": entries}))


def test_stages_of_a_run_are_those_of_its_matrix() -> None:
    graph = {"source": {}, "prune": {"matrix": {"task": "", "seed": ""}}, "paths": {"matrix": {"seed": ""}}}
    params = compose_params(["preset=mini", "tasks=[negation,inference]", "seeds=[3,5]"])
    assert addresses(graph, params) == [
        "source",
        *(f"prune@{model}" for model in ("negation-3", "negation-5", "inference-3", "inference-5")),
        "paths@3",
        "paths@5",
    ]


@pytest.mark.usefixtures("workspace")
def test_times_count_for_the_values_that_they_were_taken_with() -> None:
    params = read_params()
    assert known_seconds(params) == {}
    keep_seconds({"prune@negation-1": 10.04, "prune@inference-1": 3, "source": 1})
    lock(params, "prune@negation-1", "source")
    assert known_seconds(params) == {"prune@negation-1": 10.0, "source": 1}
    keep_seconds({"source": 2.0})
    assert known_seconds(params)["source"] == 2.0
    other = params.model_copy(update={"prune": params.prune.model_copy(update={"random_orders": 7})})
    assert known_seconds(other) == {"source": 2.0}
    FILE.write_text("{")
    assert known_seconds(params) == {}


def test_what_is_left_is_shared_by_the_models_at_once() -> None:
    known = {"prune@a-1": 10.0, "tree@a-1": 20.0, "prune@b-1": 6.0, "report": 5.0}
    assert time_left(["prune@a-1", "tree@a-1", "prune@b-1"], known, at_once=1) == 36.0
    assert time_left(["prune@a-1", "tree@a-1", "prune@b-1", "report"], known, at_once=2) == 35.0  # a's stages in a row
    assert time_left(["prune@a-2", "report"], known, at_once=2) == 15.0  # as of the other seed
    assert time_left(["prune@c-1"], known, at_once=1) is None
    assert time_left(["tables"], known, at_once=1) == 0.0
    assert time_left([], known, at_once=2) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "10 seconds"),
        (42, "40 seconds"),
        (89, "90 seconds"),
        (100, "2 minutes"),
        (5300, "88 minutes"),
        (5500, "1.5 hours"),
        (36000, "10.0 hours"),
    ],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert about(seconds) == f"about {words}"
