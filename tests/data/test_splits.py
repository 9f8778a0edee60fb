import re
from collections import Counter

import pytest

from pipeline.data.splits import split
from pipeline.errors import InputError


@pytest.fixture
def settings(section):
    def make(**changes):
        sizes = {"n_train": None, "n_eval": None, "n_importance": 4, "n_heldout": 6, "seed": 0}
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


def ids(split_rows):
    return [row["example_id"] for row in split_rows]


def texts(split_rows):
    return {(row["sentence1"], row["sentence2"]) for row in split_rows}


@pytest.mark.parametrize("seed", range(5))
def test_no_carved_text_is_trained_on_even_where_the_data_repeat_it(rows, seed, settings):
    result = split(rows, "rte", settings(seed=seed))
    carved = result.importance + result.heldout
    assert (len(result.importance), len(result.heldout)) == (4, 6)
    assert len(texts(carved)) == 10
    assert not texts(carved) & texts(result.train)
    assert len(result.train) + len(carved) + result.dropped_duplicates == 30
    # What is dropped is exactly the carved texts' repetitions.
    repeated = Counter((row["sentence1"], row["sentence2"]) for row in rows["train"])
    assert result.dropped_duplicates == sum(repeated[text] - 1 for text in texts(carved))


def test_some_seed_drops_a_repetition(rows, settings):
    assert any(split(rows, "rte", settings(seed=seed)).dropped_duplicates for seed in range(5))


def test_a_text_is_the_whole_pair(rows, settings):
    rows["train"] = [{**row, "sentence2": "the same"} for row in pairs(24)]
    result = split(rows, "rte", settings())
    assert len(result.train) == 14
    assert result.dropped_duplicates == 0


def test_ids_name_the_split_and_the_row(rows, settings):
    result = split(rows, "rte", settings())
    assert ids(result.dev) == [f"dev-{number}" for number in range(12)]
    for row in result.train + result.importance + result.heldout:
        kind, number = row["example_id"].split("-")
        original = rows["train"][int(number)]
        assert kind == "train"
        assert {key: row[key] for key in original} == original


def test_the_split_depends_on_the_seed_alone(rows, settings):
    first, again, other = (split(rows, "rte", settings(seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert set(ids(first.importance)) != set(ids(other.importance))


def test_samples_of_train_and_dev_are_seeded_and_in_order(rows, settings):
    result, whole = split(rows, "rte", settings(n_train=7, n_eval=5)), split(rows, "rte", settings())
    assert (len(result.train), len(result.dev)) == (7, 5)
    for part, all_rows in ((result.train, whole.train), (result.dev, whole.dev)):
        places = [ids(all_rows).index(name) for name in ids(part)]
        assert places == sorted(set(places))
    assert result.dev != whole.dev[:5]
    assert ids(result.importance) == ids(whole.importance)
    assert split(rows, "rte", settings(n_train=7, n_eval=5)) == result


def test_more_than_there_is_means_all(rows, settings):
    result = split(rows, "rte", settings(n_train=1000, n_eval=1000))
    assert result == split(rows, "rte", settings())


def test_the_authors_protocol_scores_the_first_dev_examples(rows, settings):
    result = split(rows, "rte", settings(protocol="authors"))
    assert ids(result.importance) == [f"dev-{number}" for number in range(4)]
    assert ids(result.dev) == [f"dev-{number}" for number in range(12)]
    assert len(result.heldout) == 6
    assert not texts(result.heldout) & texts(result.train)
    assert len(result.train) + 6 + result.dropped_duplicates == 30


def test_no_heldout_examples_are_allowed(rows, settings):
    assert split(rows, "rte", settings(n_heldout=0)).heldout == []


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
        split(rows, "rte", settings(**changes))


def test_a_single_sentence_task(settings):
    rows = {
        "train": [{"sentence": f"text {number % 15}", "label": 0} for number in range(20)],
        "dev": [{"sentence": "dev", "label": 1}],
    }
    result = split(rows, "sst2", settings())
    assert not {r["sentence"] for r in result.train} & {r["sentence"] for r in result.importance + result.heldout}
