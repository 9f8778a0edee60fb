"""From texts to views: of every family, and of models whose outputs are no classes."""

import json
from html import escape

import pytest
import torch
from transformers import BertTokenizer

from attattr import explain
from attattr.attribution import attribute
from attattr.errors import AttributionError
from attattr.families import FAMILIES
from attattr.tree import attribution_tree
from attattr.viewer.measure import explained, named
from attattr.viewer.texts import to_examples, with_words

TEXTS = ["the film is not good", "a very old book", "king"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family, tiny_model, tokenizer):
    model = tiny_model(family, labels=2).double()
    tokenizer = tokenizer if model.config.pad_token_id == 0 else padded_with_one()
    views = explain(model, tokenizer, TEXTS, shares=family == "bert").views
    for text, view in zip(TEXTS, views, strict=True):
        inputs = tokenizer(text, return_tensors="pt")
        types = inputs["token_type_ids"] if getattr(model.config, "type_vocab_size", 0) > 1 else None
        tokens = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}
        for one in view.explanations:
            alone = attribute(model, **tokens, token_type_ids=types, target=one.target).attribution[0]
            torch.testing.assert_close(one.attribution, alone.float(), atol=1e-7, rtol=1e-5)
        assert view.tokens == ["[CLS]", *text.split(), "[SEP]"]
        assert view.special == [0, len(view.tokens) - 1]
        assert view.gold is None
        assert all(len(one.trees) == 100 for one in view.explanations)


def padded_with_one():
    names = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", *sorted({word for text in TEXTS for word in text.split()})]
    return BertTokenizer(vocab={name: number for number, name in enumerate(names)})


@pytest.mark.parametrize(
    ("labels", "problem"), [(1, None), (1, "regression"), (2, "multi_label_classification"), (3, "regression")]
)
def test_outputs_that_are_no_classes_are_explained_as_logits(tiny_model, tokenizer, labels, problem):
    model = tiny_model(labels=labels)
    model.config.problem_type = problem
    (view,) = explain(model, tokenizer, TEXTS[:1]).views
    with torch.no_grad():
        logits = model(**tokenizer(TEXTS[0], return_tensors="pt")).logits[0]
    assert len(view.explanations) == labels
    for one in view.explanations:
        assert one.output == "logit"
        assert one.value == pytest.approx(float(logits[one.target]), abs=1e-5)
        assert one.shares[0].full == pytest.approx(one.value, abs=1e-5)
    with pytest.raises(AttributionError, match="take 'logit'"):
        explain(model, tokenizer, TEXTS[:1], output="probability")


def test_shares_only_where_they_are_asked_for(tiny_model, tokenizer):
    model = tiny_model(labels=2)
    with_shares, without = (explain(model, tokenizer, ["king"], shares=s).views[0] for s in (True, False))
    assert [len(one.shares) for one in with_shares.explanations] == [100, 100]
    assert [one.shares for one in without.explanations] == [(), ()]


def test_pairs_are_read_as_two_texts(tiny_model, tokenizer):
    (example,) = to_examples(tiny_model(), tokenizer, [("a king", "he reads")])
    assert tokenizer.convert_ids_to_tokens(example.input_ids) == [
        "[CLS]",
        "a",
        "king",
        "[SEP]",
        "[UNK]",
        "reads",
        "[SEP]",
    ]
    assert example.segments == [[1, 3], [4, 6]]
    assert example.token_type_ids == [0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("text", ["good " * 200, ("good " * 200, "bad " * 90)])
def test_what_is_longer_than_the_positions_is_cut(tiny_model, tokenizer, text):
    model = tiny_model(labels=2)
    (example,) = to_examples(model, tokenizer, [text])
    assert len(example) == 40
    (view,) = explain(model, tokenizer, [text], shares=False).views
    assert view.tokens[-1] == "[SEP]"
    assert len(view.special) == (2 if isinstance(text, str) else 3)


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["good", " \t\n"], "text 2 is empty"),
        ([""], "text 1 is empty"),
        ([("good", "")], "text 1 is empty"),
        (["good", "a \udcff b"], "text 2 is no Unicode"),
        (["good", ("a", "b")], "text 2 is a pair, unlike the first"),
        ([("a", "b"), ("a", "b"), "good"], "text 3 is no pair, unlike the first"),
    ],
)
def test_texts_that_cannot_be_read_are_named(tiny_model, tokenizer, texts, line):
    with pytest.raises(AttributionError, match=line):
        explain(tiny_model(labels=2), tokenizer, texts)


@pytest.mark.parametrize(
    "text", ["a\u200b", "\x00\x1b[31m", "good\u2028bad", "𓀀 👩‍👩‍👧 e\u0301", "[SEP] [CLS]", "</script>", "\ufeffgood"]
)
def test_strange_characters_are_texts_too(tiny_model, tokenizer, text):
    (view,) = explain(tiny_model(labels=2), tokenizer, [text], shares=False).views
    assert (view.tokens[0], view.tokens[-1]) == ("[CLS]", "[SEP]")
    # The name of a special token in a text is one of the text's own.
    assert len(view.special) == 2


UNSEEN = ["\u200b", "\xad", "\ufeff \u2060", "\ufe0f", "\u0301\u0302", "\x00\x1b", "\u200d\xa0", "\U000e0041"]


@pytest.mark.parametrize("text", UNSEEN, ids=ascii)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_text_of_which_the_tokenizer_makes_nothing_is_refused_like_an_empty_one(tiny_model, tokenizer, text, place):
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == []
    texts = ["a king", "a book"] if place == 2 else [("a", "b"), ("good", "good")]
    if place == 2:
        texts[1] = text
    else:
        texts[1] = tuple(text if part == place else "good" for part in range(2))
    with pytest.raises(AttributionError) as caught:
        to_examples(tiny_model(labels=2), tokenizer, texts)
    assert str(caught.value) == (f"text 2 is empty to the model: its tokenizer drops {text!a}; mend it or leave it out")


@pytest.mark.parametrize("text", ["a\u200b", "\u200b[SEP]", "\xadx", "\U0001f600", "."])
def test_a_text_of_any_token_is_no_empty_one(tiny_model, tokenizer, text):
    (example,) = to_examples(tiny_model(labels=2), tokenizer, [text])
    assert len(example.own) == 1


def test_nothing_to_explain(tiny_model, tokenizer):
    found = explain(tiny_model(labels=2), tokenizer, [])
    assert found.views == ()
    assert json.loads(found.to_json())["texts"] == []


def test_results_are_in_the_order_of_the_texts(tiny_model, tokenizer):
    texts = ["good", "the film is not very good " * 3, "a book", "king reads", "bad"]
    views = explain(tiny_model(labels=2), tokenizer, texts, shares=False).views
    assert [view.tokens[1:-1] for view in views] == [text.split() for text in texts]
    assert [view.name for view in views] == ["1", "2", "3", "4", "5"]


def test_a_text_has_the_same_random_trees_in_any_place(tiny_model, tokenizer):
    model, texts = tiny_model(labels=2).double(), ["a very good book", "king reads"]
    views = explain(model, tokenizer, texts).views
    for view, other in zip(views, reversed(explain(model, tokenizer, texts[::-1]).views), strict=True):
        for one, again in zip(view.explanations, other.explanations, strict=True):
            assert one.shares[20].random == pytest.approx(again.shares[20].random)
            assert len(set(one.shares[20].random)) > 1


def test_one_text_is_no_list_of_texts(tiny_model, tokenizer):
    with pytest.raises(AttributionError, match="texts is one text: give a list of texts"):
        explain(tiny_model(labels=2), tokenizer, "the film is good")


def test_explanations_are_the_same_as_text_page_and_json(tiny_model, tokenizer):
    pair = ("the film is good", "it is not")
    found = explain(tiny_model(labels=2), tokenizer, [pair, ("a book", "king reads")], shares=False)
    said, records = found.to_text(tau=0.2), json.loads(found.to_json(tau=0.2))
    assert (records["output"], records["tau"]) == ("probability", 0.2)
    assert [record["text"] for record in records["texts"]] == [list(pair), ["a book", "king reads"]]
    for record, view in zip(records["texts"], found.views, strict=True):
        tree = attribution_tree(view.explanations[0].head_sum, tau=0.2)
        assert [[e["query"], e["key"], e["layer"]] for e in record["tree"]] == [[*edge[:3]] for edge in tree.edges]
        best = max(record["edges"], key=lambda edge: abs(edge["value"]))
        place = [best[name] for name in ("layer", "head", "query", "key")]
        assert best["value"] == pytest.approx(float(view.explanations[0].attribution[*place]), rel=1e-3)
    assert said.startswith("the film is good / it is not\n")
    assert said.count("Attribution tree at tau 0.2") == 2
    page = found.to_html(tau=0.2)
    assert page.startswith("<!doctype html>")
    assert '"start":20' in page
    assert escape(page) in found.show(tau=0.2, height=300)._repr_html_()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the xyzzy  Plugh film", ["[CLS]", "the", "xyzzy", "Plugh", "film", "[SEP]"]),
        (("wug film", "is wug"), ["[CLS]", "wug", "film", "[SEP]", "is", "wug", "[SEP]"]),
        ("[UNK] film", ["[CLS]", "[UNK]", "film", "[SEP]"]),
    ],
)
def test_unknown_words_are_those_of_the_text(tiny_model, tokenizer, text, expected):
    model = tiny_model(labels=2)
    (example,) = to_examples(model, tokenizer, [text])
    ((_, light),) = explained(model, [example], target="predicted", whole=False, options={})
    view = named(light, tokenizer, example)
    words = with_words(view, tokenizer, text)
    assert list(words.tokens) == expected
    assert [view.tokens[place] for place in view.unknown] == ["[UNK]"] * len(view.unknown)
    assert [expected[place] for place in words.unknown] == [
        one for one in expected if one in ("xyzzy", "Plugh", "wug", "[UNK]")
    ]


def test_of_a_text_that_is_cut_too(tiny_model, tokenizer):
    model = tiny_model(labels=2)
    text = " ".join(["king", "wug"] * 400)
    explanation = explain(model, tokenizer, [text], shares=False)
    (view,) = explanation.views
    assert list(view.tokens[1:-1]) == text.split()[: len(view.tokens) - 2]
