"""Which output is which class: names in any order and spelling, and what is refused."""

from itertools import permutations

import pytest

from pipeline.data.labels import class_order, mapping, stored_names
from pipeline.errors import InputError
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()


def order(task, *names):
    return class_order(dict(enumerate(names)), TASKS[task].labels, task=task, location="models/mine")


@pytest.mark.parametrize("task", TASKS)
def test_the_tasks_own_names_are_found_in_every_order(task):
    labels = TASKS[task].labels
    for found in permutations(labels):
        expected = tuple(found.index(label) for label in labels)
        assert order(task, *found) == expected
        assert order(task, *(name.upper() for name in found)) == expected
        assert order(task, *(name.replace("_", "-").title() for name in found)) == expected
        assert order(task, *(name.replace("_", " ") for name in found)) == expected


@pytest.mark.parametrize(
    ("task", "first", "second"),
    [
        ("sst2", "NEG", "POS"),
        ("sst2", "Label_0: Negative", "1 - positive"),
        ("sst2", "negative sentiment", "Positive"),
        ("sst2", "bad", "GOOD"),
        ("negation", "negative", "pos"),
        ("rte", "entail", "not_entail"),
        ("rte", "Entailed", "Non-Entailment"),
        ("rte", "yes", "no"),
        ("rte", True, False),
        ("mrpc", "notEquivalent", "Equivalent"),
        ("mrpc", "not a paraphrase", "is a paraphrase"),
        ("mrpc", "not_duplicate", "duplicate"),
        ("mrpc", "different", "same"),
        ("mrpc", "inequivalent", "semantically equivalent"),
    ],
)
def test_usual_spellings_are_recognised(task, first, second):
    assert order(task, first, second) == (0, 1)
    assert order(task, second, first) == (1, 0)


def test_three_classes_are_sorted():
    assert order("mnli", "CONTRADICTION", "entail", "Neutral") == (1, 2, 0)
    assert order("mnli", "contradicts", "neither", "entails") == (2, 1, 0)


@pytest.mark.parametrize("names", [(), ("LABEL_0", "LABEL_1"), ("0", "1"), (0, 1), ("label 0", "Class-1")])
def test_numbers_say_nothing(names):
    assert order("sst2", *names) is None


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("sst2", ("LABEL_1", "LABEL_0")),
        ("sst2", ("1", "0")),
        ("sst2", ("negative", "LABEL_1")),
        ("sst2", ("negative", "fine")),
        ("sst2", ("positive", "POS")),
        ("sst2", ("negative", "neutral", "positive")),
        ("sst2", ("negative",)),
        ("sst2", ("unacceptable", "acceptable")),
        ("sst2", ("entailment", "not_entailment")),
        ("rte", ("entailment", "contradiction")),
        ("rte", ("not_equivalent", "equivalent")),
        ("mrpc", ("entailment", "not_entailment")),
        ("mnli", ("entailment", "not_entailment", "neutral")),
        ("mnli", ("entailment", "neutral")),
    ],
)
def test_what_contradicts_is_refused_in_one_line(task, names):
    with pytest.raises(InputError) as caught:
        order(task, *names)
    assert str(caught.value) == (
        f"models/mine names its labels {', '.join(names)}, which are not {', '.join(TASKS[task].labels)} of {task}: "
        "name these in id2label of its config.json, or save its encoder alone"
    )


@pytest.mark.parametrize(
    "labels",
    [
        ("-", "+"),
        ("?", "!"),
        ("😀", "😡"),
        ("☀", "☀\ufe0f"),
        ("C", "C++", "C#"),
        ("A", "A+", "A-"),
        ("की", "का"),
        ("กิน", "กัน"),
        ("בָּ", "בֹּ"),
        ("us", "US", "Us"),
        ("Maße", "Masse"),
        ("yes", "yes!", "y e s"),
        ("-1", "1", "0"),
        ("1.5", "15", "1 5"),
        ("0", "1"),
        ("label_0", "label_1", "label_2"),
        ("LABEL_0", "LABEL_1"),
        ("not_good", "good", "bad"),
    ],
)
def test_equal_names_are_equal_in_every_order_whatever_they_are_of(labels):
    for own in permutations(labels):
        for found in permutations(labels):
            expected = tuple(found.index(label) for label in own)
            assert class_order(dict(enumerate(found)), own, task="mine", location="models/mine") == expected


@pytest.mark.parametrize(
    ("labels", "names", "order"),
    [
        (("caf\u00e9", "the"), ("the", "cafe\u0301"), (1, 0)),
        (("caf\u00e9", "the"), ("THE", "CAFE\u0301"), (1, 0)),
        (("C", "C++"), ("c++", "c"), (1, 0)),
        (("label_1", "label_0"), ("LABEL_0", "LABEL_1"), (1, 0)),
        (("label_1", "label_0"), ("Label 0", "label-1"), None),
        (("label_1", "label_0"), ("0", "1"), None),
        (("1", "0"), ("LABEL_0", "LABEL_1"), None),
        (("N/A", "so so"), ("so_so", "n a"), (1, 0)),
        (("1 star", "2 stars"), ("LABEL_0", "LABEL_1"), ()),
        (("-1", "0", "1"), ("LABEL_0", "LABEL_1", "LABEL_2"), ()),
        (("top 5", "other"), ("LABEL_0", "LABEL_1"), ()),
        (("5", "4", "3"), ("LABEL_0", "LABEL_1", "LABEL_2"), None),
        (("2", "1", "3"), ("0", "1", "2"), None),
        (("1 star", "0 star"), ("LABEL_0", "LABEL_1"), None),
        (("L1", "L0"), ("LABEL_0", "LABEL_1"), None),
        (("1", "2"), ("LABEL_0", "LABEL_1"), ()),
        (("0", "1"), ("LABEL_0", "LABEL_1"), ()),
        (("C", "D"), ("C++", "D"), None),
        (("C", "D"), ("C#", "D"), None),
        (("A+", "B"), ("A-", "B"), None),
        (("A", "B"), ("A", "B-"), None),
        (("1", "2"), ("-1", "2"), None),
        (("1.5", "2"), ("15", "2"), None),
        (("score 1", "x"), ("score -1", "x"), None),
        (("Maße", "x"), ("Masse", "x"), None),
        (("की", "x"), ("का", "x"), None),
        (("us", "US"), ("Us", "US"), None),
        (("a b", "x"), ("a b", "A B"), None),
        (("😀", "😡"), ("😀", "😀"), None),
    ],
)
def test_names_that_only_look_alike_are_compared_where_it_is_clear_and_else_refused(labels, names, order):
    """`()` are names that say nothing, None is a refusal."""
    try:
        found = class_order(dict(enumerate(names)), labels, task="mine", location="models/mine") or ()
    except InputError:
        found = None
    assert found == order


def test_outputs_that_are_not_numbered_from_0_are_refused():
    with pytest.raises(InputError, match="names its labels negative, positive"):
        class_order({1: "negative", 2: "positive"}, TASKS["sst2"].labels, task="sst2", location="models/mine")


def test_the_mapping_names_each_classs_output():
    names = {0: "POS", 1: "NEG"}
    found = class_order(names, TASKS["sst2"].labels, task="sst2", location="models/mine")
    assert mapping(names, found, TASKS["sst2"].labels) == {"negative": "1 NEG", "positive": "0 POS"}


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({}, {}),
        ({"id2label": None}, {}),
        ({"id2label": {"1": "a", "0": "b"}}, {0: "b", 1: "a"}),
        ({"label2id": {"a": 1, "b": 0}}, {0: "b", 1: "a"}),
        ({"id2label": {"0": "b", "1": "a"}, "label2id": {"a": 1, "b": 0}}, {0: "b", 1: "a"}),
        ({"id2label": {"0": 0, "1": 1}, "label2id": {"0": 0, "1": 1}}, {0: 0, 1: 1}),
    ],
)
def test_names_are_read_from_either_table(config, names):
    assert stored_names(config, location="models/mine") == names


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 1, "b": 0}}, "an id2label and a label2id that differ"),
        ({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0}}, "an id2label and a label2id that differ"),
        ({"id2label": {"first": "a"}}, "labels without numbers"),
        ({"id2label": ["a", "b"]}, "labels without numbers"),
        ({"label2id": {"a": None}}, "labels without numbers"),
    ],
)
def test_tables_that_contradict_are_refused(config, line):
    with pytest.raises(InputError, match=f"models/mine has {line}"):
        stored_names(config, location="models/mine")


OWN = ("World", "Sport", "Sci/Tech", "4 stars", "5 stars", "not_news")


@pytest.mark.parametrize(
    "names",
    [
        OWN,
        ("world", "SPORT", "sci tech", "4_Stars", "5-stars", "Not News"),
        ("LABEL world", "label_Sport", "Sci/Tech", "4 stars", "5 stars", "no_news"),
    ],
)
def test_labels_of_ones_own_are_known_by_their_own_names(names):
    turned = dict(enumerate(reversed(names)))
    assert class_order(turned, OWN, task="mine", location="models/mine") == (5, 4, 3, 2, 1, 0)


def test_labels_that_differ_by_a_number_are_not_mixed_up():
    with pytest.raises(InputError, match="names its labels 1 star, 3 stars, which are not 1 star, 2 stars of mine"):
        class_order({0: "1 star", 1: "3 stars"}, ("1 star", "2 stars"), task="mine", location="models/mine")
