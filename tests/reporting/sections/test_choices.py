from functools import reduce
from operator import getitem

import pytest
import yaml

from pipeline.reporting.sections.choices import CHOICES, choice_rows


@pytest.fixture(scope="module")
def parameters(mini_params):
    return yaml.safe_load(mini_params)


def test_every_choice_names_values_that_exist_and_its_sources(parameters):
    choices = yaml.safe_load(CHOICES.read_text(encoding="utf-8"))
    assert len({choice["choice"] for choice in choices}) == len(choices) > 20
    for choice in choices:
        assert choice.keys() <= {"choice", "paper", "code", "keys", "note"}
        assert choice.get("keys") or choice.get("note")
        for key in choice.get("keys", ()):
            reduce(getitem, key.split("."), parameters)


def test_a_choice_shows_the_runs_own_value(parameters):
    changed = parameters | {"tree": parameters["tree"] | {"tau": 0.25, "tau_last": 0.125}}
    (row,) = [row for row in choice_rows(changed) if row["choice"] == "tree: thresholds"]
    assert row["here"] == "tau 0.25, tau_last 0.125"
    assert row["set by"] == "tree.tau, tree.tau_last"
    assert "0.4" in row["the paper"]


def test_values_of_one_name_in_several_sections_are_told_apart(parameters):
    changed = parameters | {
        name: parameters[name] | {"n_eval": size}
        for name, size in [("prepare", 30), ("effectiveness", 20), ("prune", 10)]
    }
    (row,) = [row for row in choice_rows(changed) if row["choice"] == "evaluated on"]
    assert row["here"].startswith("prepare.n_eval 30, effectiveness.n_eval 20, prune.n_eval 10; ")
