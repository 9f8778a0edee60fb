from types import SimpleNamespace

import pytest
from outcomes_by_hand import key

from pipeline.analysis.statistics import Single, statistics
from pipeline.analysis.trigger_answers import KINDS
from pipeline.reporting.table_text import to_csv, to_markdown
from pipeline.reporting.triggers.section import section
from pipeline.reporting.triggers.tables import PAPER, attack_rows, best_rows, control_rows, mined_rows, strongest_rows
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()


def a_trigger(tokens, drop, *, collapses_to=None, no=0.5, of="negative"):
    return {"rank": 4, "tokens": tokens, "class": of, "strength": 0.75, "foreign_drop": 2 * drop, "drop": drop} | {
        "flip_rate": None if drop == 0 else 0.375,
        "per_class": {"negative": no, "positive": None},
        "collapses_to": collapses_to,
    }


@pytest.fixture
def metrics():
    """Two models: one with two best triggers, one with a single one."""
    kind = {"patterns": 42, "tokens_mean": 2.5, "collapsing": 7}
    counts = {"examples": 100, "without_tokens": 3, "too_weak": 5, "repeats": 50, "patterns": 42}
    by_class = {"negative": {"n": 80, "accuracy": 0.875}, "positive": {"n": 0, "accuracy": None}}
    first = {
        "task": "sst2", "seed": 1, "n": 80, "n_select": 60, "mined": counts,
        "baseline": {"accuracy": 0.875, "per_class": by_class},
        "kinds": {"random": kind, "mined": kind, "hotflip": {"patterns": 0, "tokens_mean": None, "collapsing": 0}},
        "strongest": [a_trigger("a ‖ b", 0.25), a_trigger("c", 0.0, of="positive")],
        "best": [a_trigger("d", 0.25, collapses_to="positive"), a_trigger("e", 0.125, no=0.75)],
    }  # fmt: skip
    return [first, first | {"seed": 2, "best": [a_trigger("f", 0.5, no=0.25)]}]


@pytest.fixture
def empty(metrics):
    return metrics[0] | {"strongest": [], "best": []}


def test_the_strongest_triggers_with_what_they_cost(metrics):
    first, second, *_ = strongest_rows(metrics)
    assert first == {"task": "sst2", "seed": 1, "n": 80, "class": "negative", "tokens": "a ‖ b", "strength": 0.75} | {
        "foreign_drop": 50.0,
        "trigger_drop": 25.0,
        "flip_rate": 37.5,
        "collapses_to": None,
    }
    assert (second["class"], second["flip_rate"]) == ("positive", None)
    assert len(strongest_rows(metrics)) == 4


def test_the_best_triggers_are_numbered_within_their_model(metrics):
    rows = best_rows(metrics)
    assert [(row["seed"], row["trigger"], row["tokens"]) for row in rows] == [(1, 1, "d"), (1, 2, "e"), (2, 1, "f")]
    assert [row["collapses_to"] for row in rows] == ["positive", None, None]


def test_attacks_by_class_with_as_many_columns_as_any_model_has_triggers(metrics):
    everything, negative, positive, other, *_ = attack_rows(metrics)
    assert everything == {"task": "sst2", "seed": 1, "class": "all", "n": 80, "without_trigger": 87.5} | {
        "trigger_1": 62.5,
        "trigger_2": 75.0,
        "mean_drop": pytest.approx(18.75),
        "paper_drop": None,
        "collapses_to": "1: positive",
    }
    assert (negative["trigger_1"], negative["trigger_2"], negative["mean_drop"]) == (50, 75, 25)
    assert (negative["paper_drop"], negative["collapses_to"]) == (pytest.approx(19.62), None)
    absent = ("without_trigger", "trigger_1", "trigger_2", "mean_drop")
    assert (positive["n"], [positive[name] for name in absent]) == (0, [None] * 4)
    assert positive["paper_drop"] == pytest.approx(37.84)
    assert (other["trigger_1"], other["trigger_2"], other["mean_drop"]) == (37.5, None, 50)


def test_the_papers_numbers_stand_beside_its_tasks_alone(metrics):
    planted = [record | {"task": "negation"} for record in metrics]
    assert "paper_drop" not in attack_rows(planted)[0]
    assert attack_rows([*planted, *metrics])[1]["paper_drop"] is None
    assert {task: set(classes) for task, classes in PAPER.items()} == {
        task: set(TASKS[task].labels) for task in ("mnli", "sst2", "rte", "mrpc")
    }


def test_counts_of_every_kind_in_one_order(metrics):
    mined, hotflip, random, *_ = control_rows(metrics)
    assert [row["triggers"] for row in (mined, hotflip, random)] == [
        KINDS[kind] for kind in ("mined", "hotflip", "random")
    ]
    assert mined == {"task": "sst2", "seed": 1, "triggers": KINDS["mined"]} | metrics[0]["kinds"]["mined"]
    assert (hotflip["patterns"], hotflip["tokens_mean"]) == (0, None)
    assert len(control_rows(metrics)) == 6


def test_a_model_without_triggers_has_counts_alone(empty):
    assert strongest_rows([empty]) == best_rows([empty]) == attack_rows([empty]) == []
    assert len(control_rows([empty])) == 3


def test_the_tables_can_be_written(metrics, empty):
    for rows in (strongest_rows, best_rows, attack_rows, control_rows):
        for records in (metrics, [metrics[0], empty]):
            table = rows(records)
            assert to_markdown(table).count("\n") == len(table) + 2
            assert to_csv(table).count("\n") == len(table) + 1
    assert "with trigger 2, %" in to_markdown(attack_rows(metrics))


# The section.

NAMES = ("foreign_drop/mined", "foreign_drop/mined-random", "drop/best", "spearman")


def section_of(records, *, value=12.25):
    found = [
        one.record()
        for one in statistics("sst2", [{key(name): Single(f"<{name}>", "points", value) for name in NAMES}])
    ]
    parameters = {"analyse": {"best_triggers": 2, "collapse_share": 0.95}}
    context = {"records": {"triggers": records}, "statistics": {"triggers": found}, "parameters": parameters}
    return section(SimpleNamespace(**context))


def test_the_section_has_the_figure_and_all_tables(metrics):
    section = section_of(metrics)
    assert (section.anchor, [block.name for block in section.blocks if block.kind == "picture"]) == (
        "triggers",
        ["triggers"],
    )
    tables = [block.rows for block in section.blocks if block.kind == "table"]
    expected = [["<foreign_drop/mined>"], ["<foreign_drop/mined-random>"], ["<drop/best>", "<spearman>"]]
    assert tables[0] == mined_rows(metrics)
    assert tables[0][0] == {"task": "sst2", "seed": 1, "patterns": 42, "examples": 100} | {
        "without_tokens": 3,
        "too_weak": 5,
        "repeats": tables[0][0]["repeats"],
    }
    assert [[row["statistic"] for row in rows] for rows in tables[1:4]] == expected
    assert tables[4:] == [rows(metrics) for rows in (control_rows, strongest_rows, best_rows, attack_rows)]
    text = " ".join(getattr(block, "text", "") + getattr(block, "alt", "") for block in section.blocks)
    assert "SST-2: <foreign_drop/mined> 12.2" in text
    assert "95 %" in text
    assert "{" not in text
    assert any("paper" in block.caption for block in section.blocks if block.kind == "table")


def test_without_triggers_the_section_has_no_empty_table(empty):
    section = section_of([empty], value=None)
    assert all(block.rows for block in section.blocks if block.kind == "table")
    assert len([block for block in section.blocks if block.kind == "table"]) == 5
