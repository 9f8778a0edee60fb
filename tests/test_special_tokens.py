"""Texts that hold the name of a special token: "[SEP]", "</s>". What is special is where it stands, not its id.

Every such text is compared with one that has an ordinary token, `x`, in its place, in a model that cannot tell the two.
"""

import numpy as np
import pytest
import torch
from transformers import BertTokenizer, PreTrainedTokenizerFast, RobertaTokenizer, XLMRobertaTokenizer

from attattr import attribute
from attattr.errors import AttributionError
from attattr.insertion import Pattern, insert
from attattr.segments import special_tokens_before
from attattr.tree import AttributionTree, TreeEdge
from pipeline.data.tokenise import tokenise
from pipeline.experiments.tree.measure import edge_rows, segments_of
from pipeline.experiments.triggers.controls import attention_triggers
from pipeline.experiments.triggers.hotflip import hotflip_triggers
from pipeline.experiments.triggers.measure import with_pattern
from pipeline.experiments.triggers.mining import mine
from pipeline.predicting.examples import read_examples
from pipeline.values.store import write_rows
from pipeline.values.task_table import read_task_table

# Pairs of (premise, hypothesis); {} is a special token's name, or x.
PAIRS = [
    ("a {} b", "c d"),
    ("{} a", "b {}"),
    ("a b {}", "{} c {}"),
    ("{}", "a"),
    ("{} {}", "{}"),
    ("", "a {} b"),
    ("a {}", ""),
    ("a b", "c d"),
]
MAX_LENGTH = 64


def bert():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdex", "[", "]", "sep"]
    return BertTokenizer(vocab={word: number for number, word in enumerate(words)})


def roberta():
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"abcdex", "Ġ"]
    return RobertaTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[])


NAMES = {"bert": (bert, ["[SEP]", "[CLS]"]), "roberta": (roberta, ["</s>", "<s>"])}
CASES = [(family, name) for family, (_, names) in NAMES.items() for name in names]


def prepared(tokenizer, texts, folder, *, task="rte", max_length=MAX_LENGTH):
    """What a measuring stage reads of these texts."""
    columns = ("sentence1", "sentence2") if task == "rte" else ("sentence",)
    rows = [
        {**dict(zip(columns, text, strict=True)), "label": number % 2, "example_id": f"e-{number}"}
        for number, text in enumerate(texts)
    ]
    write_rows(folder / "x.parquet", tokenise(rows, tokenizer, read_task_table()[task], max_length=max_length)[0])
    return read_examples(folder / "x.parquet")


@pytest.fixture(params=CASES, ids=lambda case: case[1])
def case(request, tmp_path, tiny_model):
    """Examples with the name of a special token and with `x`, their tokenizer, and a model that cannot tell the two."""
    family, name = request.param
    tokenizer = NAMES[family][0]()
    with_name, with_x = (
        prepared(tokenizer, [tuple(text.format(word, word, word) for text in pair) for pair in PAIRS], tmp_path)
        for word in (name, "x")
    )
    model = tiny_model(family, labels=2)
    weight = model.get_input_embeddings().weight
    special, ordinary = tokenizer.convert_tokens_to_ids([name, "x"])
    with torch.no_grad():
        weight[ordinary] = weight[special]
    return with_name, with_x, tokenizer, model, (special, ordinary)


def test_the_name_is_read_as_the_tokenizer_reads_it_and_the_rest_is_the_same(case):
    with_name, with_x, tokenizer, _, (special, ordinary) = case
    for number, (one, other) in enumerate(zip(with_name, with_x, strict=True)):
        own = {place for place in one.own if one.input_ids[place] == special}
        assert [ordinary if p in own else token for p, token in enumerate(one.input_ids)] == other.input_ids
        assert bool(own) == (number < len(PAIRS) - 1)
        assert (one.segments, one.token_type_ids) == (other.segments, other.token_type_ids)
        lengths = [stop - start for start, stop in one.segments]
        texts = [text.format(*["x"] * 3) for text in PAIRS[number]]
        assert lengths == [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]


def test_without_the_name_special_tokens_and_segments_are_those_of_the_first_and_the_last_id(case):
    _, with_x, _, _, _ = case
    for example in with_x:
        ids = example.input_ids
        assert example.special == [token in (ids[0], ids[-1]) for token in ids]
        assert segments_of(example) == [int(place > ids.index(ids[-1])) for place in range(len(ids))]


def every_edge(example):
    n = len(example)
    return AttributionTree(1, tuple(TreeEdge(query, key, 0, 1.0) for query in range(n) for key in range(n)))


def test_edges_know_their_ends(case):
    with_name, with_x, _, _, _ = case
    for one, other in zip(with_name, with_x, strict=True):
        assert edge_rows(one, every_edge(one), layers=2) == edge_rows(other, every_edge(other), layers=2)
    # By hand: [CLS] a [SEP] b [SEP] c d [SEP], of which the first [SEP] is the text's.
    first = {(row["query"], row["key"]): row for row in edge_rows(with_name[0], every_edge(with_name[0]), layers=2)}
    own, second = with_name[0].own[1], with_name[0].segments[1][0]
    assert not first[own, own + 1]["special"]
    assert not first[own, own + 1]["cross"]
    assert first[own, second]["cross"]
    assert first[own, 0]["special"]


def test_scores_are_the_same(case, padded):
    with_name, with_x, _, model, _ = case
    found, expected = (
        attribute(model, **padded(model, examples), target="predicted", steps=4) for examples in (with_name, with_x)
    )
    assert expected.attribution.abs().sum() > 1e-3
    # In RoBERTa an id decides on positions too, but the padding's alone.
    torch.testing.assert_close(found.attribution, expected.attribution, rtol=0, atol=0)


def test_triggers_are_mined_inserted_and_flipped_alike(case, section):
    with_name, with_x, _, model, (special, ordinary) = case
    settings = section("triggers", second_share=0.0, least_attribution=0.0, n_triggers=99)

    def edge(query, key, value):
        return {"query": query, "key": key, "value": value}

    def swapped(tokens):
        return tuple(ordinary if token == special else token for token in tokens)

    def run(examples):
        by_id = {example.example_id: example for example in examples}
        # Every own token once, with the one behind it.
        rows = [
            {"example_id": example.example_id, "n": len(example), "target_class": 0}
            | {
                "top_edges": [
                    {"query": p, "key": 0, "value": 1 + p},
                    {"query": example.own[-1], "key": p, "value": 1.0},
                ]
            }
            for example in examples
            for p in example.own
        ]
        mined, counts = mine(rows, by_id, settings=settings)
        one_each = [{"example_id": example.example_id, "target_class": 0} for example in examples]
        attended = attention_triggers(model, one_each, by_id, count=9, settings=settings, token_budget="auto")
        flipped = hotflip_triggers(
            model,
            mined,
            examples,
            np.array([5, 6, 7]),
            candidates=2,
            rounds=2,
            max_length=MAX_LENGTH,
            token_budget="auto",
        )
        return counts, mined, attended, flipped

    found, expected = run(with_name), run(with_x)
    assert found[0] == expected[0]
    assert found[0]["without_tokens"] == 0
    for kind in (1, 2, 3):
        assert len(found[kind]) == len(expected[kind]) > 0
        for one, other in zip(found[kind], expected[kind], strict=True):
            assert (one.example_id, one.pattern.segments, one.pattern.positions) == (
                *(other.example_id, other.pattern.segments),
                other.pattern.positions,
            )
            assert swapped(one.pattern.tokens) == other.pattern.tokens


@pytest.mark.parametrize("max_length", [64, 9, 7, 5])
@pytest.mark.parametrize("segments", [(0,), (1,), (0, 1), (0, 0, 1, 1)])
def test_insertion_keeps_to_the_segments(case, max_length, segments):
    with_name, with_x, _, _, (special, ordinary) = case
    positions = tuple(np.linspace(0.2, 1, len(segments)).tolist())
    pattern = Pattern(tuple(range(40, 40 + len(segments))), segments, positions, None)
    for one, other in zip(with_name, with_x, strict=True):
        found, expected = (
            insert(e.input_ids, e.token_type_ids, e.segments, pattern, max_length=max_length) for e in (one, other)
        )
        assert (found.places, found.segments, found.token_type_ids) == (
            *(expected.places, expected.segments),
            expected.token_type_ids,
        )
        assert expected.input_ids == [
            ordinary if token == special and any(start <= place < stop for start, stop in found.segments) else token
            for place, token in enumerate(found.input_ids)
        ]
        # The example that comes out can take another pattern in turn.
        changed = with_pattern(one, pattern, name="0", max_length=max_length)
        assert changed.segments == found.segments
        own = {place for start, stop in changed.segments for place in range(start, stop)}
        assert {place for place in found.places if place is not None} <= own


@pytest.mark.parametrize("family", ["bert", "roberta"])
@pytest.mark.parametrize("end", [False, True])
def test_an_inserted_token_stands_where_the_tokenizer_puts_it_in_the_text(family, end, tmp_path):
    """The changed text, tokenised anew, is the truth: for texts with the separator's name, at every length."""
    make, (name, _) = NAMES[family]
    tokenizer, texts = make(), [(f"a{name}b", f"c{name}"), (f"{name}{name}", "c"), (f"a{name}", "")]
    token = tokenizer.convert_tokens_to_ids("e")
    pattern = Pattern((token,), (0,), (1.0 if end else 1e-6,), None)
    changed = [(f"{first}e" if end else f"e{first}", second) for first, second in texts]
    if family == "bert":  # a letter behind another one would belong to its word
        changed = [(f"{first} e" if end else f"e {first}", second) for first, second in texts]
    for max_length in range(4, 12):
        plain = prepared(tokenizer, texts, tmp_path)
        expected = prepared(tokenizer, changed, tmp_path, max_length=max_length)
        for before, after in zip(plain, expected, strict=True):
            got = insert(before.input_ids, before.token_type_ids, before.segments, pattern, max_length=max_length)
            assert (got.input_ids, got.token_type_ids, got.segments) == (
                *(after.input_ids, after.token_type_ids),
                after.segments,
            )


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_single_text_has_one_segment(family, tmp_path):
    make, (name, _) = NAMES[family]
    (example,) = prepared(make(), [(f"a{name}b",)], tmp_path, task="sst2")
    assert example.segments == [[1, 4]]
    assert len(example) == 5
    assert example.own == [1, 2, 3]
    assert set(segments_of(example)) == {0}
    assert example.token_type_ids == [0] * 5


def test_token_types_of_roberta_remain_zero(tmp_path):
    for example in prepared(roberta(), [("a</s>", "b"), ("a", "b</s></s>")], tmp_path):
        assert example.token_type_ids == [0] * len(example)


def test_segments_are_those_of_the_tokenizers_own_sequences(tmp_path):
    """Of a tokenizer by the probabilities of pieces too, which finds "</s>" among its pieces."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *"abcd<s>/"]
    unigram = XLMRobertaTokenizer(vocab=[(piece, -float(n)) for n, piece in enumerate(dict.fromkeys(pieces))])
    texts = [("a </s> b", "c</s>"), ("</s>", "<s> a"), ("a", "b")]
    for tokenizer in (bert(), roberta(), unigram):
        encoded = tokenizer([first for first, _ in texts], [second for _, second in texts])
        for number, example in enumerate(prepared(tokenizer, texts, tmp_path)):
            expected = encoded.sequence_ids(number)
            assert [
                next((s for s, (start, stop) in enumerate(example.segments) if start <= p < stop), None)
                for p in range(len(example))
            ] == expected
    assert special_tokens_before(bert(), texts=2) == [1, 1]
    assert special_tokens_before(roberta(), texts=2) == special_tokens_before(unigram, texts=2) == [1, 2]
    assert [special_tokens_before(make(), texts=1) for make in (bert, roberta)] == [[1], [1]]


def test_a_tokenizer_that_keeps_such_names_as_text_is_followed(tmp_path):
    tokenizer = bert()
    tokenizer.split_special_tokens = True
    (example,) = prepared(tokenizer, [("a [SEP] b", "c")], tmp_path)
    assert tokenizer.convert_ids_to_tokens(example.input_ids) == (
        ["[CLS]", "a", "[", "sep", "]", "b", "[SEP]", "c", "[SEP]"]
    )
    assert example.segments == [[1, 6], [7, 8]]


def test_a_tokenizer_without_special_tokens_between_two_texts_is_refused(tmp_path):
    bare = bert()
    bare.backend_tokenizer.post_processor = None  # type: ignore[assignment]
    bare = PreTrainedTokenizerFast(tokenizer_object=bare.backend_tokenizer)
    with pytest.raises(
        AttributionError, match="puts no special token between two texts, which then cannot be told apart"
    ):
        prepared(bare, [("a", "b")], tmp_path)
    (example,) = prepared(bare, [("a b",)], tmp_path, task="sst2")
    assert example.segments == [[0, 2]]
