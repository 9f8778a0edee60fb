import csv
import io

import pytest

from pipeline.reporting.convergence.tables import auto_rows, completeness_rows, convergence_rows, trust_rows
from pipeline.reporting.results import Results
from pipeline.reporting.style import RULES
from pipeline.reporting.table_text import to_csv, to_markdown
from pipeline.values.paths import analysis_folder
from pipeline.values.store import read_json, write_csv, write_json


def lines(text):
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in text.splitlines()]


@pytest.fixture
def stored(tmp_path, convergence_metrics):
    """The metrics as a stage reads them back: JSON sorts the keys."""
    write_json(tmp_path / "x.json", convergence_metrics[0])
    return [read_json(tmp_path / "x.json")]


def test_the_steps_needed_by_rule(stored):
    right, gauss = convergence_rows(stored)
    assert right == {"task": "negation", "seed": 1, "n": 12, "rule": "right (paper)"} | {
        "steps_1": 64,
        "steps_0.1": None,
        "steps_0.01": None,
    }
    assert (gauss["rule"], gauss["steps_1"], gauss["steps_0.1"], gauss["steps_0.01"]) == ("Gauss-Legendre", 5, 8, 12)


def test_levels_fall_from_left_to_right_and_rules_have_the_order_of_the_figure(stored):
    needed = stored[0]["steps_needed"]["right"]
    rules = [rule for rule in RULES if rule != "auto"]
    record = stored[0] | {"steps_needed": dict.fromkeys(sorted(rules), needed)}
    rows = convergence_rows([record, record | {"seed": 2}])
    assert [row["rule"] for row in rows] == 2 * [RULES[rule].label for rule in rules]
    assert [row["seed"] for row in rows] == 6 * [1] + 6 * [2]
    head, _, first, *_ = lines(to_markdown(rows))
    assert head == ["task", "seed", "examples", "rule", "steps for 1 %", "for 0.1 %", "for 0.01 %"]
    assert first == ["negation", "1", "12", RULES["left"].label, "64", "–", "–"]


def test_what_auto_reached(stored):
    (row,) = auto_rows(stored)
    assert row == pytest.approx(
        {"task": "negation", "seed": 1, "n": 12, "tolerance": 0.5, "auto_error": 0.125, "within_tolerance": 87.5}
        | {"steps_mean": 9.5, "pairs": 24, "unconverged": 3}
    )
    head, _, cells = lines(to_markdown([row]))
    assert head[3:6] == ["tolerance, %", "error, %", "pairs within it, %"]
    assert cells[3:] == ["0.5", "0.125", "87.5", "9.5", "24", "3"]


def test_how_far_the_references_can_be_trusted(stored):
    (row,) = trust_rows(stored)
    assert row == pytest.approx(
        {"task": "negation", "seed": 1, "n": 128, "unconverged": 9, "decided_by_doubt": 2}
        | {"doubt": 0.25, "largest_doubt": 6.25, "judge_error": 1e-4, "reference_error": 1e-7}
    )
    head, _, cells = lines(to_markdown([row]))
    assert head[2:5] == ["examples", "unconverged", "not within for the doubt alone"]
    assert cells[2:] == ["128", "9", "2", "0.2500", "6.25", "0.000100", "0.000000"]
    (read,) = csv.DictReader(io.StringIO(to_csv([row])))
    assert float(read["reference_error"]) == pytest.approx(1e-7)


def test_gaps_by_layer_counted_from_one(completeness_gaps):
    first, second = completeness_rows(completeness_gaps)
    assert first == pytest.approx(
        {"task": "negation", "seed": 1, "layer": 1, "n": 1000, "gap_median": 1e-4, "gap_q95": 1e-2, "gap_max": 0.125}
        | {"change": 0.5, "steps_mean": 30.5, "unconverged": 7}
    )
    assert (second["layer"], second["gap_max"], second["unconverged"]) == (2, 2e-8, 0)


def test_gaps_that_were_read_from_a_file_are_the_same(tmp_path, completeness_gaps):
    write_csv(analysis_folder(tmp_path, "attribute") / "completeness.csv", completeness_gaps)
    stored = Results(tmp_path, ["negation"], [1]).table("attribute", "completeness").to_dict("records")
    assert len(stored) == 2
    assert to_csv(completeness_rows(stored)) == to_csv(completeness_rows(completeness_gaps))
    assert to_markdown(completeness_rows(stored)) == to_markdown(completeness_rows(completeness_gaps))


def test_a_small_gap_is_not_lost_in_the_table_for_machines(completeness_gaps):
    rows = list(csv.DictReader(io.StringIO(to_csv(completeness_rows(completeness_gaps)))))
    assert float(rows[0]["gap_median"]) == pytest.approx(1e-4)
    assert float(rows[1]["gap_max"]) == pytest.approx(2e-8)
