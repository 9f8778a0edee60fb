from types import SimpleNamespace

import pytest

from pipeline.analysis.intervals import Interval
from pipeline.reporting.table_text import to_csv, to_markdown
from pipeline.reporting.triggers.section import section
from pipeline.reporting.triggers.tables import KINDS, attack_rows, best_rows, control_rows, strongest_rows


def interval(value):
    return {"value": value, "low": value - 0.125, "high": value + 0.125}


def a_trigger(tokens, drop, *, collapses_to=None, no=0.5, of="no"):
    return {"rank": 4, "tokens": tokens, "class": of, "strength": 0.75, "select_drop": 0.5, "drop": drop} | {
        "flip_rate": None if drop == 0 else 0.375,
        "per_class": {"no": no, "maybe": None},
        "collapses_to": collapses_to,
    }


@pytest.fixture
def metrics():
    """Two models: one with two best triggers, one with a single one."""
    kind = {"patterns": 42, "tokens_mean": 2.5, "select_drop": {"median": 0.25}}
    counts = {"examples": 100, "without_tokens": 3, "too_weak": 5, "repeats": 50, "patterns": 42}
    by_class = {"no": {"n": 80, "accuracy": 0.875}, "maybe": {"n": 0, "accuracy": None}}
    first = {
        "task": "sst2", "seed": 1, "n": 80, "n_select": 60, "mined": counts, "collapsing": 7,
        "baseline": {"accuracy": 0.875, "per_class": by_class},
        "kinds": {"random": kind, "mined": kind, "hotflip": {"patterns": 0, "tokens_mean": None, "select_drop": None}},
        "spearman": interval(0.5),
        "strongest": [a_trigger("a ‖ b", 0.25), a_trigger("c", 0.0, of="maybe")],
        "best": {
            "mined": {
                "mean_drop": interval(0.25),
                "lead": None,
                "triggers": [a_trigger("d", 0.25, collapses_to="maybe"), a_trigger("e", 0.125, no=0.75)],
            },
            "random": {"mean_drop": interval(0.375), "lead": interval(-0.125), "triggers": []},
        },
    }  # fmt: skip
    mined = {"mean_drop": interval(0.5), "lead": None, "triggers": [a_trigger("f", 0.5, no=0.25)]}
    return [first, first | {"seed": 2, "spearman": None, "best": {"mined": mined}}]


@pytest.fixture
def empty(metrics):
    return metrics[0] | {"strongest": [], "best": {}, "spearman": None, "collapsing": 0}


def test_the_strongest_triggers_with_what_they_cost(metrics):
    first, second, *_ = strongest_rows(metrics)
    assert first == {"task": "sst2", "seed": 1, "n": 80, "class": "no", "tokens": "a ‖ b", "strength": 0.75} | {
        "trigger_drop": 25.0,
        "flip_rate": 37.5,
        "collapses_to": None,
    }
    assert (second["class"], second["flip_rate"]) == ("maybe", None)
    assert len(strongest_rows(metrics)) == 4


def test_the_best_triggers_are_numbered_within_their_model(metrics):
    rows = best_rows(metrics)
    assert [(row["seed"], row["trigger"], row["tokens"]) for row in rows] == [(1, 1, "d"), (1, 2, "e"), (2, 1, "f")]
    assert [row["collapses_to"] for row in rows] == ["maybe", None, None]


def test_attacks_by_class_with_as_many_columns_as_any_model_has_triggers(metrics):
    everything, no, maybe, other, *_ = attack_rows(metrics)
    assert everything == {"task": "sst2", "seed": 1, "class": "all", "n": 80, "without_trigger": 87.5} | {
        "trigger_1": 62.5,
        "trigger_2": 75.0,
        "mean_drop": pytest.approx(18.75),
        "collapses_to": "1: maybe",
    }
    assert (no["trigger_1"], no["trigger_2"], no["mean_drop"], no["collapses_to"]) == (50, 75, 25, None)
    absent = ("without_trigger", "trigger_1", "trigger_2", "mean_drop")
    assert (maybe["n"], [maybe[name] for name in absent]) == (0, [None] * 4)
    assert (other["trigger_1"], other["trigger_2"], other["mean_drop"]) == (37.5, None, 50)


def test_controls_beside_the_mined_ones_in_one_order(metrics):
    mined, hotflip, random, *_ = control_rows(metrics)
    assert [row["triggers"] for row in (mined, hotflip, random)] == [
        KINDS[kind].label for kind in ("mined", "hotflip", "random")
    ]
    assert (mined["patterns"], mined["tokens_mean"], mined["median_drop"], mined["mined_lead"]) == (42, 2.5, 25.0, None)
    assert mined["mean_drop"] == Interval(25, 12.5, 37.5)
    assert random["mined_lead"] == Interval(-12.5, -25, 0)
    assert (hotflip["patterns"], hotflip["mean_drop"], hotflip["median_drop"]) == (0, None, None)
    assert len(control_rows(metrics)) == 6


def test_a_model_without_triggers_has_controls_alone(empty):
    assert strongest_rows([empty]) == best_rows([empty]) == attack_rows([empty]) == []
    assert len(control_rows([empty])) == 3


def test_the_tables_can_be_written(metrics, empty):
    for rows in (strongest_rows, best_rows, attack_rows, control_rows):
        for records in (metrics, [metrics[0], empty]):
            table = rows(records)
            assert to_markdown(table).count("\n") == len(table) + 2
            assert to_csv(table).count("\n") == len(table) + 1
    assert "| 25.0 [12.5, 37.5] |" in to_markdown(control_rows(metrics))
    assert "with trigger 2, %" in to_markdown(attack_rows(metrics))


# The section.


def section_of(records):
    parameters = {"triggers": {"best": 2}, "analyse": {"collapse_share": 0.95}}
    return section(SimpleNamespace(records={"triggers": records}, parameters=parameters))


def test_the_section_has_the_figure_and_all_tables(metrics):
    section = section_of(metrics)
    assert (section.anchor, [block.name for block in section.blocks if block.kind == "picture"]) == (
        "triggers",
        ["triggers"],
    )
    tables = [block.rows for block in section.blocks if block.kind == "table"]
    assert tables == [rows(metrics) for rows in (control_rows, strongest_rows, best_rows, attack_rows)]
    text = " ".join(getattr(block, "text", "") + getattr(block, "alt", "") for block in section.blocks)
    assert "SST-2, seed 1: 42 triggers from 100 examples (3 without a token that is not special, 5 too weak" in text
    assert "SST-2, seed 1: 25.0 [12.5, 37.5]; SST-2, seed 2: 50.0" in text
    assert "SST-2, seed 1: 0.50 [0.38, 0.62]; SST-2, seed 2: undefined" in text
    assert "95 %" in text
    assert "7 of 42 do" in text
    assert "{" not in text


def test_without_triggers_the_section_has_no_empty_table(empty):
    section = section_of([empty])
    assert all(block.rows for block in section.blocks if block.kind == "table")
    assert len([block for block in section.blocks if block.kind == "table"]) == 1
