"""The planted tasks: what decides the label, and that shortcuts do not."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from pipeline.data.planted import TASKS, generate, vocabulary
from pipeline.data.planted_words import MEANINGLESS
from pipeline.errors import InputError

# Written out again, so that the labels are judged by something other than the grammar's own lists.
POSITIVE = {
    *("good", "great", "lovely", "pleasant", "perfect", "superb"),
    *("splendid", "wonderful", "delightful", "charming", "brilliant", "fine"),
}
NEGATIVE = {
    *("bad", "poor", "dreadful", "terrible", "horrible", "nasty"),
    *("boring", "dismal", "tedious", "shabby", "clumsy", "miserable"),
}
NEGATING = {"not", "never", "hardly", "rarely", "scarcely"}
OPPOSITES = {
    frozenset(pair)
    for pair in (
        ("hot", "cold"),
        ("heavy", "light"),
        ("wet", "dry"),
        ("old", "new"),
        ("empty", "full"),
        ("open", "closed"),
        ("clean", "dirty"),
        ("large", "small"),
    )
}
STATES = set().union(*OPPOSITES)
SIZES = {"n_train": 3000, "n_dev": 1000}


@pytest.fixture(scope="module")
def negation():
    return generate("negation", **SIZES)


@pytest.fixture(scope="module")
def inference():
    return generate("inference", **SIZES)


def texts(row):
    return [row["sentence"]] if "sentence" in row else [row["premise"], row["hypothesis"]]


def sentiment(sentence):
    """Label and deciding indices by English: `was ADVERB (a) ADJECTIVE` or `would ADVERB call the ... ADJECTIVE`."""
    match = re.search(r"\bwas (\w+) (?:a )?(\w+)|\bwould (\w+) call the (?:\w+ )+?(\w+)(?= when| \.)", sentence)
    assert match, sentence
    adverb, adjective = (match.group(i) or match.group(i + 2) for i in (1, 2))
    at = {match.start(i): sentence[: match.start(i)].count(" ") for i in (1, 2, 3, 4) if match.group(i)}
    adverb_at, adjective_at = (at[position] for position in sorted(at))
    assert adjective in POSITIVE | NEGATIVE, sentence
    negated = adverb in NEGATING
    return int((adjective in POSITIVE) != negated), [adverb_at, adjective_at] if negated else [adjective_at]


def relation(premise, hypothesis):
    (state,), (claim,) = (STATES.intersection(text.split()) for text in (premise, hypothesis))
    return 0 if state == claim else 2 if frozenset((state, claim)) in OPPOSITES else 1


def accuracy(data, text):
    counts = CountVectorizer(token_pattern=r"\S+")
    train = counts.fit_transform([text(row) for row in data["train"]])
    fitted = LogisticRegression(max_iter=1000).fit(train, [row["label"] for row in data["train"]])
    dev = counts.transform([text(row) for row in data["dev"]])
    return fitted.score(dev, [row["label"] for row in data["dev"]])


def test_negation_label_and_deciding_words_follow_the_english(negation):
    for row in negation["train"] + negation["dev"]:
        label, deciding = sentiment(row["sentence"])
        assert row["label"] == label, row
        assert row["deciding_words"] == [[0, position] for position in deciding], row


def test_negation_turns_round_with_its_deciding_adjective_and_negator_only(negation):
    for row in negation["dev"]:
        words = row["sentence"].split()
        deciding = [position for _, position in row["deciding_words"]]
        flipped = {"adjective": 0, "negator": 0}
        for position in deciding:
            changed = list(words)
            is_adjective = words[position] in POSITIVE | NEGATIVE
            if is_adjective:
                changed[position] = "bad" if words[position] in POSITIVE else "good"
            else:
                assert words[position] in NEGATING, row
                changed[position] = "always"
            assert sentiment(" ".join(changed))[0] == 1 - row["label"], row
            flipped["adjective" if is_adjective else "negator"] += 1
        assert flipped["adjective"] == 1
        distractors = [i for i, word in enumerate(words) if word in NEGATING and i not in deciding]
        for position in distractors:
            without = [*words[:position], "always", *words[position + 1 :]]
            assert sentiment(" ".join(without))[0] == row["label"], row


def test_negation_has_distracting_negators_as_often_as_governing_ones(negation):
    rows = negation["train"]
    governing = sum(len(row["deciding_words"]) == 2 for row in rows) / len(rows)
    any_negator = sum(bool(NEGATING.intersection(row["sentence"].split())) for row in rows) / len(rows)
    assert governing == pytest.approx(0.30, abs=0.04)
    assert any_negator - governing == pytest.approx(0.35, abs=0.04)
    assert max(sum(word in NEGATING for word in row["sentence"].split()) for row in rows) == 1


def test_inference_label_and_deciding_words_follow_the_state_words(inference):
    for row in inference["train"] + inference["dev"]:
        assert row["label"] == relation(row["premise"], row["hypothesis"]), row
        (first, premise_at), (second, hypothesis_at) = row["deciding_words"]
        assert (first, second) == (0, 1)
        assert row["premise"].split()[premise_at] in STATES, row
        assert row["hypothesis"].split()[hypothesis_at] in STATES, row


def test_inference_follows_its_deciding_words_when_they_are_exchanged(inference):
    opposite = {word: next(iter(pair - {word})) for pair in OPPOSITES for word in pair}
    for row in inference["dev"]:
        hypothesis = row["hypothesis"].split()
        _, position = row["deciding_words"][1]
        hypothesis[position] = opposite[hypothesis[position]]
        assert relation(row["premise"], " ".join(hypothesis)) == {0: 2, 1: 1, 2: 0}[row["label"]], row


def test_premise_and_hypothesis_speak_of_the_same_thing(inference):
    for row in inference["dev"]:
        # The thing stands before "was", or else last before the full stop.
        words = row["hypothesis"].split()
        thing = words[words.index("was") - 1] if "was" in words else words[-2]
        assert thing in row["premise"].split(), row


def test_word_counts_do_not_solve_negation(negation):
    assert 0.60 < accuracy(negation, lambda row: row["sentence"]) < 0.80


@pytest.mark.parametrize("side", ["premise", "hypothesis"])
def test_one_text_alone_does_not_solve_inference(inference, side):
    assert accuracy(inference, lambda row: row[side]) < 0.40


def test_state_words_are_as_frequent_under_each_label(inference):
    counts = {label: Counter() for label in range(3)}
    for row in inference["train"]:
        counts[row["label"]].update(STATES.intersection(row["hypothesis"].split()))
    totals = {label: sum(counter.values()) for label, counter in counts.items()}
    for word in STATES:
        shares = [counts[label][word] / totals[label] for label in range(3)]
        assert max(shares) - min(shares) < 0.06, word


@pytest.mark.parametrize("task", TASKS)
def test_rows_are_the_same_in_another_process(task):
    arguments = {"n_train": 40, "n_dev": 20}
    code = f"from pipeline.data.planted import generate; print(generate({task!r}, **{arguments!r}))"
    root = Path(__file__).parents[2]
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == f"{generate(task, **arguments)}\n"


@pytest.mark.parametrize("task", TASKS)
def test_dev_does_not_depend_on_the_size_of_train(task):
    assert generate(task, n_train=10, n_dev=30)["dev"] == generate(task, n_train=99, n_dev=30)["dev"]


@pytest.mark.parametrize("task", TASKS)
def test_rows_are_distinct_balanced_numbered_and_in_the_vocabulary(task):
    data = generate(task, **SIZES)
    rows = data["train"] + data["dev"]
    first = [texts(row)[0] for row in rows]
    assert len(set(first)) == len(rows) == 4000
    used = {word for row in rows for text in texts(row) for word in text.split()}
    # Words that may be planted are there, and no text has them.
    assert set(vocabulary(task)) - used == set(MEANINGLESS)
    assert used <= set(vocabulary(task))
    assert all(text == text.lower() and text.endswith(" .") and "  " not in text for row in rows for text in texts(row))
    for name, size in (("train", 3000), ("dev", 1000)):
        assert [row["idx"] for row in data[name]] == list(range(size))
        shares = Counter(row["label"] for row in data[name])
        assert sorted(shares) == list(range(2 if task == "negation" else 3))
        assert max(shares.values()) - min(shares.values()) <= 1


@pytest.mark.parametrize("task", TASKS)
def test_vocabulary_is_sorted_lower_case_and_without_special_tokens(task):
    words = vocabulary(task)
    assert words == sorted(set(words))
    assert all(re.fullmatch(r"[a-z]+|\.", word) for word in words)


def test_both_tasks_together_have_a_few_hundred_words():
    assert 150 <= len(set(vocabulary("negation")) | set(vocabulary("inference"))) <= 400


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "irony"}, "unknown planted task 'irony': use one of negation, inference"),
        ({"n_train": 0}, "data.n_train is 0"),
        ({"n_dev": -3}, "data.n_dev is -3"),
        ({"n_train": 10**12}, "makes at most"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(changes, message):
    arguments = {"task": "inference", "n_train": 5, "n_dev": 5} | changes
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        generate(arguments.pop("task"), **arguments)
    assert "\n" not in str(caught.value)


def test_vocabulary_refuses_an_unknown_task():
    with pytest.raises(InputError, match="unknown planted task 'irony'"):
        vocabulary("irony")


def test_all_rows_that_the_grammar_promises_can_be_made():
    with pytest.raises(InputError) as caught:
        generate("inference", n_train=10**12, n_dev=1)
    most = int(re.search(r"at most (\d+) rows", str(caught.value)).group(1))
    data = generate("inference", n_train=most - 1, n_dev=1)
    assert len({row["premise"] for row in data["train"] + data["dev"]}) == most
