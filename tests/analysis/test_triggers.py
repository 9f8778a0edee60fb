import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from pipeline.analysis.intervals import bootstrap_mean
from pipeline.analysis.trigger_summary import summary
from pipeline.analysis.triggers import (
    MINED,
    TABLE,
    Answers,
    Evaluation,
    complete_rows,
    effects,
    rank_correlation,
    read_evaluation,
    table_rows,
    tokens_text,
)
from pipeline.values.store import read_json, write_json, write_rows

CLASSES = ["no", "maybe", "yes"]
LABELS = [0, 0, 0, 2, 2, 2, 2, 2]
BEFORE = [0, 0, 2, 2, 2, 2, 2, 0]  # six of eight are right
AFTER = [
    [0, 0, 2, 2, 2, 2, 2, 0],  # the same
    [2, 2, 2, 2, 2, 2, 2, 2],  # all to "yes": two lost, one won
    [0, 1, 0, 0, 0, 0, 2, 2],  # four lost, two won
    [1, 1, 1, 1, 1, 1, 1, 2],  # 7 of 8 to "maybe", six lost, one won
]


def answers(labels, before, after):
    return Answers(np.array(labels), np.array(before), np.array(after).reshape(-1, len(labels)))


# What a trigger does.


def test_what_triggers_do_by_hand():
    same, to_yes, mixed, to_maybe = effects(answers(LABELS, BEFORE, AFTER), classes=3, collapse_share=0.875)
    assert same == {
        "drop": 0.0,
        "per_class": [pytest.approx(2 / 3), None, pytest.approx(4 / 5)],
        "flip_rate": 0.0,
        "predicted": [3, 0, 5],
        "collapses_to": None,
    }
    assert to_yes == {
        "drop": 1 / 8,
        "per_class": [0.0, None, 1.0],
        "flip_rate": pytest.approx(2 / 6),
        "predicted": [0, 0, 8],
        "collapses_to": 2,
    }
    assert (mixed["drop"], mixed["flip_rate"], mixed["collapses_to"]) == (2 / 8, pytest.approx(4 / 6), None)
    assert (to_maybe["drop"], to_maybe["flip_rate"]) == (5 / 8, 1.0)
    assert (to_maybe["collapses_to"], to_maybe["predicted"]) == (1, [0, 7, 1])
    assert effects(answers(LABELS, BEFORE, AFTER), classes=3, collapse_share=0.9)[3]["collapses_to"] is None


def test_a_model_that_names_one_class_anyway_does_not_collapse_to_it():
    found = effects(answers([0, 2], [2, 2], [[2, 2], [0, 0]]), classes=3, collapse_share=1.0)
    assert [one["collapses_to"] for one in found] == [None, 0]


def test_without_a_right_answer_there_is_nothing_to_flip():
    (found,) = effects(answers([0, 0], [1, 2], [[0, 1]]), classes=3, collapse_share=0.95)
    assert (found["flip_rate"], found["drop"]) == (None, -0.5)


# Rows.


def trigger(kind, rank, *tokens, strength=None, segments=None, of="no", best=None):
    return {"kind": kind, "rank": rank, "tokens": list(tokens), "segments": segments or [0] * len(tokens)} | {
        "strength": strength,
        "class": of,
        "example_id": "train-7",
        "best": best,
    }


ROWS = [
    trigger(MINED, 0, "a", "b", strength=0.9, segments=[0, 1]),
    trigger(MINED, 1, "c", strength=0.5, of="yes", best=1),
    trigger(MINED, 2, "d", strength=0.4, best=0),
    trigger("random", 0, "x", "y", best=0),
    trigger("random", 1, "z"),
]
SELECT = answers([0, 2], [0, 2], [[0, 2], [2, 2], [2, 0], [0, 0], [0, 2]])
DEV = answers(LABELS, BEFORE, AFTER)  # of the triggers 0, 1, 2 and 3
EVALUATION = Evaluation(best={MINED: [2, 1], "random": [3]}, on_dev=[0, 1, 2, 3], select=SELECT, dev=DEV)


def long_rows(sample, measured, numbers):
    """The rows of one sample in the long table that the stage writes; -1 stands for no trigger."""
    return [
        {"sample": sample, "trigger": number, "example_id": f"{sample}-{place}", "label": label, "predicted": predicted}
        for number, classes in zip((-1, *numbers), (measured.before, *measured.after), strict=True)
        for place, (label, predicted) in enumerate(zip(measured.labels, classes, strict=True))
    ]


def test_what_was_measured_is_read_from_the_long_table():
    table = pd.DataFrame(long_rows("select", SELECT, range(5)) + long_rows("dev", DEV, EVALUATION.on_dev))
    found = read_evaluation(ROWS, table)
    assert (found.best, found.on_dev) == (EVALUATION.best, EVALUATION.on_dev)
    for ours, theirs in ((found.select, SELECT), (found.dev, DEV)):
        for name in ("labels", "before", "after"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    # Without any trigger there are the predictions without one.
    bare = read_evaluation([], table[table["trigger"] == -1])
    assert (bare.best, bare.on_dev, bare.dev.after.shape, bare.select.after.shape) == ({}, [], (0, 8), (0, 2))
    np.testing.assert_array_equal(bare.dev.before, DEV.before)


@pytest.fixture
def rows():
    return complete_rows(ROWS, EVALUATION, classes=CLASSES, collapse_share=0.875)


def test_rows_hold_both_samples_and_the_place_among_the_best(rows):
    assert [row["select_drop"] for row in rows] == [0, 0.5, 1, 0.5, 0]
    assert [row["best"] for row in rows] == [None, 1, 0, 0, None]
    assert [row["drop"] for row in rows] == [0, 1 / 8, 2 / 8, 5 / 8, None]
    assert [row["collapses_to"] for row in rows] == [None, "yes", None, "maybe", None]
    assert rows[4]["per_class"] is None
    assert rows[0]["tokens"] == ["a", "b"]


def test_the_table_holds_the_mined_ones_as_text(rows):
    table = table_rows(rows, task="rte", seed=3, n=8)
    assert [tuple(row) for row in table] == [TABLE] * 3
    assert [row["tokens"] for row in table] == ["a ‖ b", "c", "d"]
    assert {(row["task"], row["seed"], row["n"]) for row in table} == {("rte", 3, 8)}


@pytest.mark.parametrize(
    ("segments", "expected"), [([0, 0], "a b"), ([0, 1], "a ‖ b"), ([1, 0], "b ‖ a"), ([1, 1], "‖ a b")]
)
def test_tokens_of_the_second_segment_follow_a_double_bar(segments, expected):
    assert tokens_text({"tokens": ["a", "b"], "segments": segments}) == expected


# Correlation.


def test_the_rank_correlation_is_spearmans_with_an_interval_around_it():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 12, 60)  # with ties
    y = x + generator.normal(0, 6, 60)
    found = rank_correlation(x, y, draws=2000, seed=0)
    assert found is not None
    assert found.value == pytest.approx(spearmanr(x, y).statistic)
    resampled = [
        spearmanr(x[picks], y[picks]).statistic for picks in np.random.default_rng(1).integers(60, size=(400, 60))
    ]
    # Another generator and fewer draws: the ends agree to about their own error.
    assert found.low == pytest.approx(np.quantile(resampled, 0.025), abs=0.05)
    assert found.high == pytest.approx(np.quantile(resampled, 0.975), abs=0.05)


def test_a_monotone_relation_has_rank_correlation_one_with_all_resamples():
    found = rank_correlation([0.1, 0.2, 0.4, 9.0], [1, 2, 3, 4], draws=500, seed=0)
    assert found is not None
    assert (found.value, found.low, found.high) == (pytest.approx(1), pytest.approx(1), pytest.approx(1))


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [1, 2]), ([1, 2, 3], [5, 5, 5]), ([5, 5, 5], [1, 2, 3])])
def test_few_triggers_or_a_constant_have_no_rank_correlation(x, y):
    assert rank_correlation(x, y, draws=100, seed=0) is None


# Summary.


def summarised(rows, evaluation, *, counts, controls=("random", "shuffled")):
    how = {"kinds": (MINED, *controls), "strongest": 2, "draws": 500, "seed": 3}
    return summary(rows, evaluation, counts=counts, classes=CLASSES, **how)


def test_the_summary_by_hand(rows, tmp_path):
    counts = {"examples": 9, "patterns": 3}
    found = summarised(rows, EVALUATION, counts=counts)
    assert (found["n"], found["n_select"], found["mined"]) == (8, 2, counts)
    assert found["baseline"] == {
        "accuracy": 6 / 8,
        "select_accuracy": 1.0,
        "per_class": {
            "no": {"n": 3, "accuracy": pytest.approx(2 / 3)},
            "maybe": {"n": 0, "accuracy": None},
            "yes": {"n": 5, "accuracy": pytest.approx(4 / 5)},
        },
    }
    mined, random = found["kinds"][MINED], found["kinds"]["random"]
    assert (mined["patterns"], mined["tokens_mean"]) == (3, pytest.approx(4 / 3))
    assert (mined["select_drop"]["median"], mined["select_drop"]["max"]) == (0.5, 1)
    assert (random["patterns"], random["select_drop"]["median"]) == (2, 0.25)
    assert found["kinds"]["shuffled"] == {"patterns": 0, "tokens_mean": None, "select_drop": None}
    assert (found["drop"]["median"], found["collapsing"]) == (1 / 8, 1)
    assert found["spearman"]["value"] == pytest.approx(-1)

    # The best mined ones lose, example by example, the mean of triggers 2 and 1; the random one trigger 3's.
    right = np.array(BEFORE) == LABELS
    lost = [right.astype(int) - (np.array(after) == LABELS) for after in AFTER]
    of_mined, of_random = (lost[1] + lost[2]) / 2, lost[3]
    interval = bootstrap_mean(of_mined, draws=500, seed=3)
    assert found["best"][MINED]["mean_drop"] == vars(interval)
    assert interval.value == pytest.approx(3 / 16)
    assert found["best"][MINED]["lead"] is None
    assert found["best"]["random"]["lead"] == vars(bootstrap_mean(of_mined - of_random, draws=500, seed=3))
    assert "shuffled" not in found["best"]
    assert [one["tokens"] for one in found["best"][MINED]["triggers"]] == ["d", "c"]
    first = found["best"][MINED]["triggers"][1]
    assert (first["rank"], first["class"], first["select_drop"], first["drop"]) == (1, "yes", 0.5, 1 / 8)
    assert (first["per_class"], first["collapses_to"]) == ({"no": 0, "maybe": None, "yes": 1}, "yes")
    assert [one["tokens"] for one in found["strongest"]] == ["a ‖ b", "d", "c"]
    write_json(tmp_path / "x.json", found)
    write_rows(tmp_path / "x.parquet", rows)


def test_without_any_pattern_there_are_counts_and_nothing_else(tmp_path):
    none = Evaluation(best={}, on_dev=[], select=answers([0], [0], []), dev=answers(LABELS, BEFORE, []))
    rows = complete_rows([], none, classes=CLASSES, collapse_share=0.95)
    found = summarised(rows, none, counts={"patterns": 0})
    assert rows == table_rows(rows, task="rte", seed=1, n=8) == []
    assert (found["best"], found["strongest"], found["spearman"], found["drop"]) == ({}, [], None, None)
    assert {kind["patterns"] for kind in found["kinds"].values()} == {0}
    write_json(tmp_path / "x.json", found)
    assert read_json(tmp_path / "x.json")["baseline"]["accuracy"] == 0.75
    write_rows(tmp_path / "x.parquet", rows)
