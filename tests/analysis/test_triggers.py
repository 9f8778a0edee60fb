import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from pipeline.analysis.estimates import crossed
from pipeline.analysis.quantities import Triggers
from pipeline.analysis.statistics import Mean, Ratio, Single, statistics
from pipeline.analysis.trigger_answers import MINED, Answers, effects, of_triggers, read_answers
from pipeline.analysis.trigger_facts import TABLE, facts, table_rows, tokens_text
from pipeline.analysis.triggers import NO_TRIGGERS, groups, measures, rank_correlation
from pipeline.values.store import write_json

CLASSES = ["no", "maybe", "yes"]
LABELS = [0, 0, 0, 2, 2, 2, 2, 2]
BEFORE = [0, 0, 2, 2, 2, 2, 2, 0]  # six of eight are right
AFTER = [
    [0, 0, 2, 2, 2, 2, 2, 0],  # the same
    [2, 2, 2, 2, 2, 2, 2, 2],  # all to "yes": two lost, one won
    [0, 1, 0, 0, 0, 0, 2, 2],  # four lost, two won
    [1, 1, 1, 1, 1, 1, 1, 2],  # 7 of 8 to "maybe", six lost, one won
]
MINED_FOR = [0, 2, 0, 2]
FOREIGN_DROPS = [0, 2 / 3, 2 / 5, 2 / 3]  # over five, three, five and three examples


def answers(labels, before, after, mined_for):
    after = np.array(after).reshape(-1, len(labels))
    examples = [f"dev-{number}" for number in range(len(labels))]
    return Answers(examples, np.array(labels), np.array(before), after, np.array(mined_for, int))


DEV = answers(LABELS, BEFORE, AFTER, MINED_FOR)


# What a trigger does.


def test_a_foreign_drop_is_over_the_examples_of_other_classes():
    np.testing.assert_allclose(DEV.foreign_drops, FOREIGN_DROPS)
    alone = answers([1, 1], [1, 1], [[0, 0], [0, 0]], [1, 0])
    np.testing.assert_array_equal(alone.foreign_drops, [np.nan, 1])


def test_what_triggers_do_by_hand():
    same, to_yes, mixed, to_maybe = effects(DEV, classes=CLASSES, collapse_share=0.875)
    assert same == {
        "drop": 0.0,
        "foreign_drop": 0.0,
        "per_class": [pytest.approx(2 / 3), None, pytest.approx(4 / 5)],
        "flip_rate": 0.0,
        "collapses_to": None,
    }
    assert to_yes == {
        "drop": 1 / 8,
        "foreign_drop": pytest.approx(2 / 3),
        "per_class": [0.0, None, 1.0],
        "flip_rate": pytest.approx(2 / 6),
        "collapses_to": "yes",
    }
    assert (mixed["drop"], mixed["flip_rate"], mixed["collapses_to"]) == (2 / 8, pytest.approx(4 / 6), None)
    assert (to_maybe["drop"], to_maybe["flip_rate"], to_maybe["collapses_to"]) == (5 / 8, 1.0, "maybe")
    assert effects(DEV, classes=CLASSES, collapse_share=0.9)[3]["collapses_to"] is None


def test_a_model_that_names_one_class_anyway_does_not_collapse_to_it():
    found = effects(
        answers([0, 2], [2, 2], [[2, 2], [0, 0]], [0, 0]), classes=["no", "maybe", "yes"], collapse_share=1.0
    )
    assert [one["collapses_to"] for one in found] == [None, "no"]


def test_without_a_right_answer_there_is_nothing_to_flip_and_without_foreign_examples_no_foreign_drop():
    (found,) = effects(answers([0, 0], [1, 2], [[0, 1]], [0]), classes=CLASSES, collapse_share=0.95)
    assert (found["flip_rate"], found["drop"], found["foreign_drop"]) == (None, -0.5, None)


# A mean over triggers as a mean over examples.


def test_the_mean_over_examples_is_that_over_triggers():
    generator = np.random.default_rng(0)
    values, among = generator.normal(size=(5, 30)), generator.random((5, 30)) < 0.4
    expected = np.mean([row[own].mean() for row, own in zip(values, among, strict=True)])
    assert of_triggers(values, among).mean() == pytest.approx(expected)


def test_an_example_adds_as_much_as_it_moves_the_mean():
    """The value is the derivative by the example's weight: nothing but the mean where it is among no trigger's."""
    generator = np.random.default_rng(1)
    values, among = generator.normal(size=(4, 20)), generator.random((4, 20)) < 0.5
    among[:, 7] = False
    found, small = of_triggers(values, among), 1e-6

    def mean(weights):
        return np.mean([np.average(row, weights=weights * own) for row, own in zip(values, among, strict=True)])

    for example in range(20):
        weights = np.ones(20)
        weights[example] += small
        moved = 20 * (mean(weights) - mean(np.ones(20))) / small
        assert found[example] - found.mean() == pytest.approx(moved, abs=1e-4)
    assert found[7] == pytest.approx(found.mean())


def test_one_trigger_has_the_interval_of_its_own_examples():
    generator = np.random.default_rng(2)
    values, among = generator.normal(size=(1, 400)), np.arange(400)[None] < 250
    found = crossed(of_triggers(values, among)[None])
    alone = crossed(values[:, :250])
    assert found.value == pytest.approx(alone.value)
    assert found.error == pytest.approx(alone.error, rel=0.01)


# Rows, groups and measures.


def trigger(kind, rank, *tokens, strength=None, segments=None, of="no"):
    return {"kind": kind, "rank": rank, "tokens": list(tokens), "segments": segments or [0] * len(tokens)} | {
        "strength": strength,
        "class": of,
        "example_id": "train-7",
    }


TRIGGERS = [
    trigger(MINED, 0, "a", "b", strength=0.9, segments=[0, 1]),
    trigger(MINED, 1, "c", strength=0.5, of="yes"),
    trigger(MINED, 2, "d", strength=0.4),
    trigger("random", 0, "x", "y", of="yes"),
]
KINDS = (MINED, "random", "shuffled")


@pytest.fixture
def rows():
    done = effects(DEV, classes=CLASSES, collapse_share=0.875)
    return [row | effect for row, effect in zip(TRIGGERS, done, strict=True)]


def test_what_was_measured_is_read_from_the_long_table():
    table = pd.DataFrame(
        {"trigger": number, "example_id": f"dev-{place}", "label": label, "predicted": predicted}
        for number, classes in zip(range(-1, 4), (BEFORE, *AFTER), strict=True)
        for place, (label, predicted) in enumerate(zip(LABELS, classes, strict=True))
    )
    found = read_answers(TRIGGERS, table, classes=CLASSES)
    assert found.examples == DEV.examples
    for name in ("labels", "before", "after", "mined_for"):
        np.testing.assert_array_equal(getattr(found, name), getattr(DEV, name))
    # Without any trigger there are the predictions without one.
    bare = read_answers([], table[table["trigger"] == -1], classes=CLASSES)
    assert (bare.after.shape, bare.foreign_drops.shape) == ((0, 8), (0,))
    np.testing.assert_array_equal(bare.before, DEV.before)


def test_the_best_are_chosen_on_the_selection_sample_and_the_strongest_by_strength(rows):
    found = groups(rows, np.array([0.1, 0.5, 0.5, 0.0]), kinds=KINDS, count=2)
    assert found == {
        MINED: [0, 1, 2],
        "random": [3],
        "shuffled": [],
        "best": [1, 2],
        "best_random": [3],
        "best_shuffled": [],
        "strongest": [0, 1],
        "mined_without_collapsing": [0, 2],
    }
    # One without foreign examples in the selection sample comes last, one without any on dev nowhere.
    assert groups(rows, np.array([np.nan, -0.5, 0.5, 0]), kinds=KINDS, count=3)["best"] == [2, 1, 0]
    rows[1]["foreign_drop"] = None
    assert groups(rows, np.array([0.1, 0.5, 0.5, 0.0]), kinds=KINDS, count=2)[MINED] == [0, 2]


def values(measures):
    """Every measure's value of one model; None where it is undefined."""
    return {one.key.text: one.by_seed[0] for one in statistics("rte", [measures])}


@pytest.fixture
def found(rows):
    return measures(rows, DEV, groups(rows, np.array([0.1, 0.5, 0.5, 0.0]), kinds=KINDS, count=2), kinds=KINDS)


def test_the_measures_by_hand(found):
    a, c, d, x = (100 * drop for drop in FOREIGN_DROPS)
    expected = {
        "foreign_drop/mined": (a + c + d) / 3,
        "foreign_drop/random": x,
        "foreign_drop/best": (c + d) / 2,
        "foreign_drop/best_random": x,
        "foreign_drop/strongest": (a + c) / 2,
        "foreign_drop/mined_without_collapsing": (a + d) / 2,
        "foreign_drop/mined-random": (a + c + d) / 3 - x,
        "foreign_drop/best-best_random": (c + d) / 2 - x,
        "foreign_drop/strongest-mined": (a + c) / 2 - (a + c + d) / 3,
        "drop/best": 100 * (1 / 8 + 2 / 8) / 2,
        "flipped/best": (2 / 6 + 4 / 6) / 2,
        "spearman": -0.5,  # strengths 3, 2, 1; drops 1, 3, 2
        "collapsing": 1 / 3,
    }
    undefined = ("shuffled", "best_shuffled", "mined-shuffled", "best-best_shuffled")
    expected |= {f"foreign_drop/{name}": None for name in undefined}
    assert values(found) == {name: value if value is None else pytest.approx(value) for name, value in expected.items()}
    kinds = {key.text: type(one) for key, one in found.items()}
    assert (kinds["foreign_drop/mined"], kinds["flipped/best"], kinds["spearman"]) == (Mean, Ratio, Single)
    assert all(len(one.values) == 8 for one in found.values() if isinstance(one, Mean))


def test_a_step_is_what_one_example_adds_that_one_trigger_turns(found):
    found = {key.text: one for key, one in found.items()}
    assert found["foreign_drop/random"].step == pytest.approx(100 / (3 / 8))
    assert found["foreign_drop/best"].step == pytest.approx(100 / 2 / (3 / 8))
    assert found["drop/best"].step == 50


def test_the_same_triggers_twice_do_not_differ_and_exchanged_ones_change_the_sign(rows):
    twice = [*rows[:3], *(row | {"kind": "random"} for row in rows[:3])]
    dev = answers(LABELS, BEFORE, AFTER[:3] * 2, MINED_FOR[:3] * 2)
    chosen = groups(twice, np.zeros(6), kinds=(MINED, "random"), count=2)
    found = measures(twice, dev, chosen, kinds=(MINED, "random"))
    assert not found[Triggers.BEYOND_CONTROL.key(against="random")].values.any()


def test_a_model_without_triggers_leaves_the_tasks_statistics_undefined(found):
    none = answers(LABELS, BEFORE, [], [])
    bare = measures([], none, groups([], np.array([]), kinds=KINDS, count=2), kinds=KINDS)
    assert set(values(bare).values()) == {None}
    for models in ([found, bare], [bare, found]):
        of_task = {one.key.text: one for one in statistics("rte", models)}
        mined = of_task["foreign_drop/mined"]
        assert (mined.estimate, mined.why) == (None, f"undefined for 1 of 2 models: {NO_TRIGGERS}")
        assert sorted(mined.by_seed, key=lambda value: value is None) == [values(found)["foreign_drop/mined"], None]


def test_the_rank_correlation_is_spearmans():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 12, 60)  # with ties
    y = x + generator.normal(0, 6, 60)
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert rank_correlation([0.1, 0.2, 0.4, 9.0], [1, 2, 3, 4]) == pytest.approx(1)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [1, 2]), ([1, 2, 3], [5, 5, 5]), ([5, 5, 5], [1, 2, 3])])
def test_few_triggers_or_a_constant_have_no_rank_correlation(x, y):
    assert rank_correlation(x, y) is None


# What the report shows.


def test_the_facts_by_hand(rows, tmp_path):
    found = facts(rows, DEV, [2, 1], kinds=KINDS, count=1, classes=CLASSES)
    assert found["baseline"] == {
        "accuracy": 6 / 8,
        "per_class": {
            "no": {"n": 3, "accuracy": pytest.approx(2 / 3)},
            "maybe": {"n": 0, "accuracy": None},
            "yes": {"n": 5, "accuracy": pytest.approx(4 / 5)},
        },
    }
    assert found["kinds"] == {
        MINED: {"patterns": 3, "tokens_mean": pytest.approx(4 / 3), "collapsing": 1},
        "random": {"patterns": 1, "tokens_mean": 2, "collapsing": 1},
        "shuffled": {"patterns": 0, "tokens_mean": None, "collapsing": 0},
    }
    assert [one["tokens"] for one in found["strongest"]] == ["a ‖ b", "c"]
    assert [one["tokens"] for one in found["best"]] == ["d", "c"]
    second = found["best"][1]
    assert (second["rank"], second["class"], second["drop"], second["foreign_drop"]) == (
        *(1, "yes", 1 / 8),
        pytest.approx(2 / 3),
    )
    assert (second["per_class"], second["collapses_to"]) == ({"no": 0, "maybe": None, "yes": 1}, "yes")
    write_json(tmp_path / "x.json", found)


def test_the_table_holds_the_mined_ones_as_text(rows):
    table = table_rows(rows, {"task": "rte", "seed": 3, "n": 8})
    assert [tuple(row) for row in table] == [TABLE] * 3
    assert [row["tokens"] for row in table] == ["a ‖ b", "c", "d"]
    assert {(row["task"], row["seed"], row["n"]) for row in table} == {("rte", 3, 8)}


@pytest.mark.parametrize(
    ("segments", "expected"), [([0, 0], "a b"), ([0, 1], "a ‖ b"), ([1, 0], "b ‖ a"), ([1, 1], "‖ a b")]
)
def test_tokens_of_the_second_segment_follow_a_double_bar(segments, expected):
    assert tokens_text({"tokens": ["a", "b"], "segments": segments}) == expected
