"""Tables and facts as they are logged, on small ones worked out by hand."""

from pathlib import Path

import pytest
from outcomes_by_hand import write_model

from pipeline.analysis.experiments import ANALYSES
from pipeline.analysis.outcomes import Outcomes
from pipeline.tracking.tracked_files import CURVES, DECIDING, Curves, claim_rows, number, numbers, points, read_csv
from pipeline.values.presets import compose_params
from pipeline.values.store import read_json, write_csv


def test_a_point_holds_every_line_at_its_place(tmp_path: Path) -> None:
    rows = [
        {"method": "taylor", "rate": 0.0, "n": 4, "accuracy": 1.0, "low": 0.5},
        {"method": "taylor", "rate": 0.5, "n": 4, "accuracy": 1 / 3, "low": None},
        {"method": "other", "rate": 0.5, "n": 4, "accuracy": 0, "low": 0.0},
    ]
    write_csv(tmp_path / "curves.csv", rows)
    curves = Curves("curves", "rate", ("method",), ("accuracy", "low"))
    assert points("prune", curves, read_csv(tmp_path / "curves.csv")) == [
        {"prune/rate": 0.0, "prune/taylor/accuracy": 1.0, "prune/taylor/low": 0.5},
        {"prune/rate": 0.5, "prune/taylor/accuracy": 0.3333333333, "prune/other/accuracy": 0, "prune/other/low": 0.0},
    ]
    assert points("prune", curves, rows)[1]["prune/taylor/accuracy"] == 1 / 3


def test_lines_of_the_same_name_are_numbered() -> None:
    rows = [{"method": "random", "rate": rate, "accuracy": rate + order} for order in (1, 2) for rate in (0, 3)]
    assert points("prune", Curves("curves", "rate", ("method",), ("accuracy",)), rows) == [
        {"prune/rate": 0, "prune/random/0/accuracy": 1, "prune/random/1/accuracy": 2},
        {"prune/rate": 3, "prune/random/0/accuracy": 4, "prune/random/1/accuracy": 5},
    ]


KEPT = Path(__file__).parents[2] / "results/mini/outputs/analysis/claims/records.json"
CELLS = [("", None), (None, None), ("3", 3), ("3.5", 3.5), ("1e-07", 1e-7), (2, 2)]


@pytest.mark.parametrize(("cell", "expected"), CELLS)
def test_a_cell_is_a_number_or_nothing(cell: object, expected: object) -> None:
    assert number(cell) == expected
    assert type(number(cell)) is type(expected)


def test_facts_are_numbers_by_their_path() -> None:
    record = {"task": "rte", "seed": 1, "n": 9, "auto": {"error": 0.5, "why": None}, "best": [1, 2], "proven": True}
    assert numbers("tree", [record]) == {"tree/n": 9, "tree/auto/error": 0.5}
    two = [{"seed": 1, "design": design, "correct": count} for count, design in enumerate(("one", "two"))]
    assert numbers("planted_paths", two) == {"planted_paths/one/correct": 0, "planted_paths/two/correct": 1}


def test_a_claim_has_a_row_for_each_statistic_that_decides_it() -> None:
    primary = {"label": "growth", "needs": "above 0", "value": 1.5, "low": 1.0, "high": 2.0, "unit": "tokens"}
    claim = {"id": "P7b", "claim": "it grows", "source": "the paper", "verdict": "reproduced on 1 of 1", "any": False}
    task = {"task": "sst2", "verdict": "reproduced", "why": None, "primary": [primary, primary | {"label": "other"}]}
    rows = claim_rows([claim | {"tasks": [task]}, claim | {"id": "P5", "tasks": []}])
    assert [(row["id"], row["task"], row["of_task"], row["label"], row["value"]) for row in rows] == [
        ("P7b", "sst2", "reproduced", "growth", 1.5),
        ("P7b", "sst2", "reproduced", "other", 1.5),
        ("P5", None, None, None, None),
    ]
    assert len({tuple(row) for row in rows}) == 1
    # What is shown of a statistic is what a judged one has.
    assert {*DECIDING} <= {*read_json(KEPT)["records"][0]["tasks"][0]["primary"][0]}


def test_every_value_of_every_curve_has_a_name_of_its_own(tmp_path: Path) -> None:
    write_model(tmp_path, "negation", 1)
    params = compose_params(["preset=mini_full", "seeds=[1]"])
    assert {*CURVES} == {*ANALYSES} - {"finetune"}
    for experiment, curves in CURVES.items():
        tables = ANALYSES[experiment](Outcomes(tmp_path, ["negation"], [1]), params).tables
        made = {
            (point[f"{experiment}/{one.x}"], key)
            for one in curves
            for point in points(experiment, one, tables[one.table])
            for key in {*point} - {f"{experiment}/{one.x}"}
        }
        known = [row[name] for one in curves for row in tables[one.table] for name in one.values]
        assert len(made) == sum(value is not None for value in known), experiment
