import re
from collections import Counter
from itertools import pairwise
from unicodedata import category, name, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.planted import generate
from pipeline.data.splits import normalised, split
from pipeline.errors import InputError
from pipeline.values.task_table import read_task_table

TASKS = read_task_table()


@pytest.fixture
def settings(section):
    def make(**changes):
        sizes = {"n_train": None, "n_eval": None, "n_importance": 4, "n_heldout": 6}
        return section("prepare", **{**sizes, **changes})

    return make


def pairs(count, *, start=0):
    """Rows of a pair task whose texts are all different."""
    return [
        {"sentence1": f"first {number}", "sentence2": f"second {number}", "label": number % 2}
        for number in range(start, start + count)
    ]


@pytest.fixture
def rows():
    """30 training rows, of which the last 6 repeat the first 6 with another label; 12 dev rows."""
    repeated = [{**row, "label": 1 - row["label"]} for row in pairs(6)]
    return {"train": pairs(24) + repeated, "dev": pairs(12, start=1000)}


# Among them some that differ, and some that do not, in letters and digits alone.
SENTENCES = ["a", "A,", "b", "B!", "c.", "d", "D?", "é", "É", "ab", "a-b", "...", "!!!", "ß", "ss", "٣", "3", "字"]


def ids(split_rows):
    return [row["example_id"] for row in split_rows]


def texts(split_rows):
    return {(row["sentence1"], row["sentence2"]) for row in split_rows}


@pytest.mark.parametrize("seed", range(5))
def test_no_carved_text_is_trained_on_even_where_the_data_repeat_it(rows, seed, settings):
    result = split(rows, TASKS["rte"], settings(), seed=seed)
    carved = result.importance + result.heldout
    assert (len(result.importance), len(result.heldout)) == (4, 6)
    assert len(texts(carved)) == 10
    assert not texts(carved) & texts(result.train)
    assert len(result.train) + len(carved) + result.dropped_duplicates == 30
    # What is dropped is exactly the carved texts' repetitions.
    repeated = Counter((row["sentence1"], row["sentence2"]) for row in rows["train"])
    assert result.dropped_duplicates == sum(repeated[text] - 1 for text in texts(carved))


def test_some_seed_drops_a_repetition(rows, settings):
    assert any(split(rows, TASKS["rte"], settings(), seed=seed).dropped_duplicates for seed in range(5))


def test_a_sentence_of_a_carved_row_stands_in_no_training_row_in_either_column(settings):
    # Row n shares a sentence with row n + 1, once written otherwise.
    chain = [
        {"sentence1": f"Link {number}", "sentence2": f"link, {number + 1}!", "label": 0} for number in range(0, 90, 1)
    ]
    result = split({"train": chain, "dev": pairs(5)}, TASKS["rte"], settings(), seed=1)
    carved = {int(row["example_id"].split("-")[1]) for row in result.importance + result.heldout}
    neighbours = {number + step for number in carved for step in (-1, 1)} & set(range(90))
    assert {int(row["example_id"].split("-")[1]) for row in result.train} == set(range(90)) - carved - neighbours
    assert result.dropped_duplicates == len(neighbours - carved)


def test_a_sentence_that_would_be_in_all_rows_leaves_none(settings):
    same = [{**row, "sentence2": "the same"} for row in pairs(24)]
    with pytest.raises(InputError, match="none is left"):
        split({"train": same, "dev": pairs(5)}, TASKS["rte"], settings(), seed=1)


@pytest.mark.parametrize("task", TASKS)
@given(data=st.data(), seed=st.integers(0, 20))
def test_carved_and_training_rows_share_no_normalised_sentence(section, task, data, seed):
    columns = TASKS[task].texts
    sentence = st.sampled_from(SENTENCES)
    row = st.fixed_dictionaries(dict.fromkeys(columns, sentence) | {"label": st.integers(0, 1)})
    rows = {"train": data.draw(st.lists(row, min_size=8, max_size=30)), "dev": data.draw(st.lists(row, min_size=2))}
    settings = section("prepare", n_train=None, n_eval=None, n_importance=1, n_heldout=1)
    try:
        result = split(rows, TASKS[task], settings, seed=seed)
    except InputError:
        return

    def sentences(split_rows):
        return [
            {by_hand(row[column]) for column in columns if task != "inference" or column == "premise"}
            for row in split_rows
        ]

    carved = result.importance + result.heldout
    taken = set().union(*sentences(carved))
    assert all(taken.isdisjoint(found) for found in sentences(result.train))
    assert len({tuple(by_hand(row[column]) for column in columns) for row in carved}) == len(carved) == 2
    # Nothing else is dropped.
    kept = set(ids(result.train)) | set(ids(carved))
    numbered = [{**row, "example_id": f"train-{number}"} for number, row in enumerate(rows["train"])]
    dropped = [row for row in numbered if row["example_id"] not in kept]
    assert not any(taken.isdisjoint(found) for found in sentences(dropped))
    assert result.dropped_duplicates == len(dropped)


def by_hand(text):
    """The text's letters and digits in lower case with the marks behind each, joined or not, by single characters."""
    kept, inside = "", False
    for one in normalize("NFC", text.casefold()).replace("\u200d", "").replace("\u200c", ""):
        mark = category(one) in ("Mn", "Mc") and not name(one, "").startswith("VARIATION SELECTOR")
        inside = one.isalnum() or (inside and mark)
        kept += one if inside else ""
    return kept or text


MARKED = st.text(st.sampled_from("aé\u0301\u0308\u093f\u0940\u0e34\u05b8\ufe0fक1.-_ \u200d😀"), max_size=8)


@given(MARKED | st.text(max_size=12))
def test_texts_are_compared_by_letters_and_digits(text):
    assert normalised(text) == by_hand(text)
    if any(one.isalnum() for one in text.casefold()):
        spaced = re.sub(r"(?<=\w)(?=\w)", " , ", normalize("NFC", text.casefold()))
        assert normalised(spaced) == normalised(f"“{text}”…_") == normalised(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("र\u200d्याब", "रयाब"),
        ("की", "का"),
        ("กิน", "กัน"),
        ("שָׁלוֹם", "שִׁלוֹם"),
        ("كِتَاب", "كُتَّاب"),
        ("தி", "தா"),
        ("é", "e"),
        ("❤️", "☀️"),
        ("😀", "😡"),
        ("...", "!!!"),
    ],
)
def test_sentences_that_differ_in_a_vowel_sign_or_are_signs_alone_are_others(one, other):
    assert normalised(one) != normalised(other)


def test_no_row_is_dropped_for_a_sentence_with_other_vowel_signs(settings):
    rows = [{"sentence": f"{word} {number}", "label": 0} for word in ("की", "का") for number in range(8)]
    result = split({"train": rows, "dev": rows}, TASKS["negation"], settings(), seed=1)
    assert (result.dropped_duplicates, len(result.train)) == (0, 6)


@pytest.mark.parametrize(
    ("one", "other"),
    [("caf\u00e9", "CAFE\u0301"), ("की बात!", "की, बात"), ("good ❤️", "Good"), ("क्\u200dष", "क्ष"), ("a_b", "A B")],
)
def test_sentences_that_differ_in_case_storage_or_punctuation_are_the_same(one, other):
    assert normalised(one) == normalised(other)


def test_texts_without_letters_stay_apart():
    assert [normalised(text) for text in ("...", "!", " ")] == ["...", "!", " "]
    assert normalised("Straße 7, ΣΑΣ: ٣字!") == "strasse7σασ٣字"
    assert normalised("It's 3.5 %") == normalised("its 35") == "its35"


def test_premises_of_the_planted_task_alone_tell_its_rows_apart(settings):
    """Its hypotheses come from few templates: by them half of the training rows would go."""
    rows = generate("inference", n_train=600, n_dev=20)
    result = split(rows, TASKS["inference"], settings(n_importance=30, n_heldout=30), seed=1)
    assert result.dropped_duplicates == 0
    carved = result.importance + result.heldout
    assert not {row["premise"] for row in carved} & {row["premise"] for row in result.train}
    assert {row["hypothesis"] for row in carved} & {row["hypothesis"] for row in result.train}


def test_of_phrases_only_those_as_long_as_dev_sentences_are_carved(settings):
    def sentences(lengths, word):
        return [{"sentence": " ".join([f"{word}{n}", *["x"] * (m - 1)]), "label": 0} for n, m in enumerate(lengths)]

    # The first quartile of 4, 8, 12, 16, 20 words is 8.
    rows = {"train": sentences(list(range(1, 21)) * 5, "t"), "dev": sentences([20, 8, 4, 16, 12], "d")}
    for protocol in ("heldout", "authors"):
        chosen = settings(protocol=protocol, n_importance=5, n_heldout=40)
        results = [split(rows, TASKS["sst2"], chosen, seed=seed) for seed in range(5)]
        carved = [row for r in results for row in r.heldout + (r.importance if protocol == "heldout" else [])]
        assert {len(row["sentence"].split()) for row in carved} == set(range(8, 21))
        # Training rows are of any length.
        assert {len(row["sentence"].split()) for row in results[0].train} > set(range(1, 8))
    other = split(rows, TASKS["negation"], settings(n_importance=40, n_heldout=40), seed=1)
    assert min(len(row["sentence"].split()) for row in other.importance) < 8
    with pytest.raises(InputError, match="sst2 has 65 distinct training texts, but 66 are to be carved out"):
        split(rows, TASKS["sst2"], settings(n_importance=60), seed=1)


def test_ids_name_the_split_and_the_row(rows, settings):
    result = split(rows, TASKS["rte"], settings(), seed=1)
    assert ids(result.dev) == [f"dev-{number}" for number in range(12)]
    for row in result.train + result.importance + result.heldout:
        kind, number = row["example_id"].split("-")
        original = rows["train"][int(number)]
        assert kind == "train"
        assert {key: row[key] for key in original} == original


def test_the_split_depends_on_the_seed_alone(rows, settings):
    first, again, other = (split(rows, TASKS["rte"], settings(), seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert set(ids(first.importance)) != set(ids(other.importance))


def test_the_evaluation_examples_are_the_same_for_every_seed_and_nested(rows, settings):
    parts = [
        {tuple(ids(split(rows, TASKS["rte"], settings(n_eval=count), seed=seed).dev)) for seed in range(4)}
        for count in range(1, 13)
    ]
    assert all(len(part) == 1 for part in parts)
    for (smaller,), (larger,) in pairwise(parts):
        assert set(smaller) < set(larger)
    other = {**rows, "train": rows["train"][:20]}
    assert (
        split(other, TASKS["rte"], settings(n_eval=5), seed=1).dev
        == split(rows, TASKS["rte"], settings(n_eval=5), seed=1).dev
    )


def test_another_seed_draws_another_training_subset(rows, settings):
    subsets = [ids(split(rows, TASKS["rte"], settings(n_train=7), seed=seed).train) for seed in (1, 1, 2)]
    assert subsets[0] == subsets[1] != subsets[2]


def test_samples_of_train_and_dev_are_in_order(rows, settings):
    result, whole = (
        split(rows, TASKS["rte"], settings(n_train=7, n_eval=5), seed=1),
        split(rows, TASKS["rte"], settings(), seed=1),
    )
    assert (len(result.train), len(result.dev)) == (7, 5)
    for part, all_rows in ((result.train, whole.train), (result.dev, whole.dev)):
        places = [ids(all_rows).index(name) for name in ids(part)]
        assert places == sorted(set(places))
    assert result.dev != whole.dev[:5]
    assert ids(result.importance) == ids(whole.importance)
    assert split(rows, TASKS["rte"], settings(n_train=7, n_eval=5), seed=1) == result


def test_more_than_there_is_means_all(rows, settings):
    result = split(rows, TASKS["rte"], settings(n_train=1000, n_eval=1000), seed=1)
    assert result == split(rows, TASKS["rte"], settings(), seed=1)


def test_the_authors_protocol_scores_the_first_dev_examples(rows, settings):
    result = split(rows, TASKS["rte"], settings(protocol="authors"), seed=1)
    assert ids(result.importance) == [f"dev-{number}" for number in range(4)]
    assert ids(result.dev) == [f"dev-{number}" for number in range(12)]
    assert len(result.heldout) == 6
    assert not texts(result.heldout) & texts(result.train)
    assert len(result.train) + 6 + result.dropped_duplicates == 30


def test_no_heldout_examples_are_allowed(rows, settings):
    assert split(rows, TASKS["rte"], settings(n_heldout=0), seed=1).heldout == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_importance": 20}, "rte has 24 distinct training texts, but 26 are to be carved out"),
        ({"n_importance": 18}, "rte has 30 training rows, of which 24 are carved out: none is left"),
        ({"n_importance": 13, "protocol": "authors"}, "prepare.n_importance is 13, but rte has 12 examples"),
    ],
)
def test_sizes_that_the_data_cannot_serve_are_refused(rows, changes, message, settings):
    with pytest.raises(InputError, match=re.escape(message)):
        split(rows, TASKS["rte"], settings(**changes), seed=1)


def test_a_single_sentence_task(settings):
    rows = {
        "train": [{"sentence": f"text {number % 15}", "label": 0} for number in range(20)],
        "dev": [{"sentence": "dev", "label": 1}],
    }
    result = split(rows, TASKS["sst2"], settings(), seed=1)
    assert not {r["sentence"] for r in result.train} & {r["sentence"] for r in result.importance + result.heldout}
