import csv
import io
from functools import reduce
from operator import getitem

import pytest
import yaml

from pipeline.analysis.intervals import Interval
from pipeline.analysis.verdicts import Claim
from pipeline.reporting.claims.tables import claim_rows
from pipeline.reporting.sections.choices import CHOICES, choice_rows
from pipeline.reporting.table_text import to_csv, to_markdown

CLAIM = Claim(
    "P8", "triggers cut accuracy", "rte", 2, 277, "mean drop, points", Interval(6.25, 3.125, 12.5), "at least 5",
    "undecided", paper="about 20",
)  # fmt: skip


@pytest.fixture(scope="module")
def parameters(mini_params):
    return yaml.safe_load(mini_params)


def test_a_claim_is_a_row():
    (row,) = claim_rows([CLAIM])
    assert row == {"claim": "P8", "statement": "triggers cut accuracy", "task": "rte", "seed": 2, "n": 277} | {
        "statistic": "mean drop, points",
        "value": Interval(6.25, 3.125, 12.5),
        "paper": "about 20",
        "rule": "at least 5",
        "verdict": "undecided",
    }
    assert "6.25 [3.12, 12.50]" in to_markdown([row])
    (flat,) = csv.DictReader(io.StringIO(to_csv([row])))
    assert (flat["value"], flat["value_low"], flat["value_high"]) == ("6.2500", "3.1250", "12.5000")


def test_a_claim_about_all_models_needs_no_task():
    everything = Claim("P5", "heads agree", None, None, None, "needs MNLI", None, "above 0", "undecided")
    assert "| P5 " in to_markdown(claim_rows([everything, CLAIM]))


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
