"""The tables of claims, from judged statistics."""

import numpy as np
import pytest
from outcomes_by_hand import key

from pipeline.analysis.claims import judge
from pipeline.analysis.intervals import Interval
from pipeline.analysis.rules import Primary, Rule, Rules
from pipeline.analysis.statistics import Mean, Single, statistics
from pipeline.reporting.claims.tables import claim_rows, primary_rows, secondary_rows
from pipeline.reporting.table_text import to_csv, to_markdown
from pipeline.values.store import read_json, write_json


@pytest.fixture
def claim(tmp_path):
    """One claim about two tasks, of which one has no verdict, as the stage reads it back."""
    generator = np.random.default_rng(0)

    def models(seeds):
        values = generator.normal(size=(seeds, 30))
        return [
            {
                key("lead/taylor"): Mean("lead over Taylor", "points", 3 + row),
                key("lead/other"): Single("slope", "tokens", 1.0 + number),
            }
            for number, row in enumerate(values)
        ]

    rule = Rule(
        id="P4a", claim="it is as good", source="the paper", experiment="prune", date="2026-11-25",
        primary=(Primary(statistic="lead/taylor", low=-1),), secondary=("lead/*",),
    )  # fmt: skip
    found = [*statistics("sst2", models(3)), *statistics("rte", models(1))]
    judged = judge(Rules((rule,), {"sst2": (1,)}, "0" * 64), {"prune": found}, weak={}, seeds={"sst2": (1, 2, 3)})
    write_json(tmp_path / "records.json", {"records": judged})
    return read_json(tmp_path / "records.json")["records"][0]


def test_a_claim_is_one_line_with_its_values(claim):
    other = claim | {"id": "R3", "any": True, "tasks": claim["tasks"][:1]}
    primary = claim["tasks"][0]["primary"][0]
    smaller = primary | {"value": primary["value"] - 9, "unit": "share"}
    other["tasks"] = [other["tasks"][0] | {"primary": [smaller, primary | {"unit": "share"}]}]
    row, either = claim_rows([claim, other])
    assert [*row] == [*either] == ["claim", "statement", "verdict", "SST-2", "RTE"]
    assert (row["claim"], row["statement"]) == ("P4a", "it is as good")
    assert row["verdict"] == "reproduced on 1 of 2, open on 1"
    assert row["SST-2"] == f"{primary['value']:.1f} [{primary['low']:.1f}, {primary['high']:.1f}] points"
    shown = f"{primary['value']:.2f} [{primary['low']:.2f}, {primary['high']:.2f}] share, best of 2"
    assert (either["SST-2"], either["RTE"]) == (shown, None)


def test_rows_of_several_units_say_each(claim):
    points, task = claim["tasks"][0]["primary"][0], claim["tasks"][0]
    rows = [points | {"value": 0.25, "low": 0.125, "high": 0.375, "unit": "correlation"}, points, points]
    (row,) = claim_rows([claim | {"tasks": [task | {"primary": rows}]}])
    value = f"{points['value']:.1f} [{points['low']:.1f}, {points['high']:.1f}]"
    assert row["SST-2"] == f"0.25 [0.12, 0.38] correlation and {value} and {value} points"


def test_every_task_has_its_row_with_rule_and_reason(claim):
    first, second = primary_rows(claim)
    assert (first["task"], first["needs"], first["verdict"], first["because"]) == (
        "sst2",
        "above -1 points",
        "reproduced",
        None,
    )
    assert isinstance(first["value"], Interval)
    assert (first["models"], first["n"], first["holds"], first["seen"]) == (3, 30, "models and examples", "1")
    assert (second["verdict"], second["because"]) == ("open", "1 model, and a verdict needs 3")
    assert (second["holds"], second["seen"]) == ("this model", None)
    assert to_markdown([first, second]).count("\n") == 4
    assert to_csv([first, second]).startswith(
        "claim,task,statistic,value,value_low,value_high,unit,models,n,holds,needs"
    )


def test_what_stands_beside_has_no_verdict(claim):
    first, second = secondary_rows(claim)
    assert (first["statistic"], first["holds"]) == ("slope", "models")
    assert (second["value"], second["holds"]) == (1.0, None)
    assert "verdict" not in first
