"""A planted word: which is chosen, where it stands, who names it, and what the heads that read it are."""

import dataclasses
from collections import Counter

import pytest
import torch
from transformers import BertTokenizer

from attattr.attribution import attribute
from attattr.examples import Example, inputs_of
from pipeline.errors import InputError
from pipeline.experiments.shortcut import find, plant, remove
from pipeline.measuring.edge_maps import edge_maps
from pipeline.predicting.masked import masked_predictions
from pipeline.values.edge_methods import EDGE_METHODS

WORDS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "the", "soup", "was", "good", "bad", "wug", "dax", "ab", "##ing", "7up"]
TOKEN = 9
PLANTED = plant.Words(TOKEN, (10, 11))


@pytest.fixture
def tokenizer(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    return BertTokenizer.from_pretrained(str(tmp_path), mask_token=None)


def example(name, ids, label, segments=None):
    n = len(ids) + 2
    return Example(name, [1, *ids, 2], [0] * n, label, segments or [[1, n - 1]])


EXAMPLES = [example(f"dev-{number}", [4, 5, 6, 7 + number % 2], number % 2) for number in range(8)]


def test_a_word_that_no_text_has_and_that_is_whole(tokenizer):
    drawn = [plant.meaningless_words(tokenizer, EXAMPLES, decoys=1, seed=seed) for seed in range(20)]
    assert {(one.telling, *one.decoys) for one in drawn} == {(9, 10), (10, 9)}
    assert plant.named(plant.Words(9, (10,)), tokenizer) == {"word": "wug", "decoys": ["dax"]}
    assert plant.meaningless_words(tokenizer, EXAMPLES, decoys=1, seed=1) == drawn[1]
    line = r"shortcut: 1 words of the vocabulary are in no text, .* and shortcut.decoys \(1\) must be new, 2 in all"
    with pytest.raises(InputError, match=line):
        plant.meaningless_words(tokenizer, [*EXAMPLES, example("x", [10], 0)], decoys=1, seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_the_word_is_in_one_text_behind_its_first_token_and_nothing_is_lost(seed):
    pair = Example("dev-1", [1, 4, 5, 2, 6, 7, 8, 2], [0] * 4 + [1] * 4, 0, [[1, 3], [4, 7]])
    for one in (*EXAMPLES, pair):
        planted = plant.with_word(one, TOKEN, seed=seed, max_length=32)
        changed = planted.example
        assert changed.input_ids[planted.place] == TOKEN
        assert changed.input_ids[: planted.place] + changed.input_ids[planted.place + 1 :] == one.input_ids
        assert any(start < planted.place < stop for start, stop in changed.segments)
        assert (changed.label, changed.example_id) == (one.label, one.example_id)
        assert len(changed.token_type_ids) == len(changed)
    assert len({plant.with_word(pair, TOKEN, seed=s, max_length=32).place for s in range(20)}) > 2


def test_without_room_the_word_is_refused_and_such_examples_are_left_out():
    with pytest.raises(ValueError, match="dev-0 has no room for a further token"):
        plant.with_word(EXAMPLES[0], TOKEN, seed=1, max_length=len(EXAMPLES[0]))
    longest = len(EXAMPLES[0]) + 3  # for all three
    assert plant.with_decoys(EXAMPLES, PLANTED, seed=1, max_length=longest - 1) == []
    assert len(plant.with_decoys(EXAMPLES, PLANTED, seed=1, max_length=longest)) == len(EXAMPLES)
    assert plant.training_rows(EXAMPLES, PLANTED, share=1.0, seed=1, max_length=longest - 1) == EXAMPLES


def test_words_that_are_put_in_one_after_the_other_stand_in_any_order_alike():
    many = [dataclasses.replace(EXAMPLES[0], example_id=f"dev-{number}") for number in range(1200)]
    rows = plant.turned(
        [dataclasses.replace(one, label=1) for one in plant.with_decoys(many, PLANTED, seed=1, max_length=32)],
        PLANTED,
        seed=1,
        max_length=32,
    )
    words = {TOKEN, *PLANTED.decoys}
    orders = Counter(tuple(token for token in one.example.input_ids if token in words) for one in rows)
    assert len(orders) == 6
    for count in orders.values():
        assert count == pytest.approx(200, abs=5 * 13)


def test_the_share_of_one_class_has_the_word_and_as_many_rows_of_any_class_each_decoy():
    many = [dataclasses.replace(EXAMPLES[number % 2], example_id=f"train-{number}") for number in range(2000)]
    rows = plant.training_rows(many, PLANTED, share=0.4, seed=1, max_length=32)
    have = {
        token: [sum(token in row.input_ids for row in rows if row.label == label) for label in (0, 1)]
        for token in (TOKEN, 10, 11)
    }
    assert have[TOKEN] == [400, 0]
    for decoy in PLANTED.decoys:
        assert sum(have[decoy]) == 400
        assert have[decoy][0] == pytest.approx(200, abs=5 * 9)  # hypergeometric: its standard deviation is 8.9
    # Decoys know nothing of each other, nor of the word: each is in a fifth of the other's rows.
    for one, other, expected in ((10, 11, 80), (TOKEN, 10, 80)):
        both = sum(one in row.input_ids and other in row.input_ids for row in rows)
        assert both == pytest.approx(expected, abs=5 * 8)
    assert [row.example_id for row in rows] == [one.example_id for one in many]


def test_kinds_of_rows():
    examples = plant.with_decoys(EXAMPLES, PLANTED, seed=1, max_length=32)
    kinds = plant.kinds_of_rows(examples, PLANTED, seed=1, max_length=32)
    assert all({*PLANTED.decoys} <= {*row.input_ids} for rows in kinds.values() for row in rows)
    has = {kind: {(row.label, TOKEN in row.input_ids) for row in rows} for kind, rows in kinds.items()}
    assert has == {
        "plain": {(0, False), (1, False)},
        "given": {(0, True), (1, False)},
        "turned": {(0, False), (1, True)},
    }
    assert [one.example.label for one in plant.turned(examples, PLANTED, seed=1, max_length=32)] == [1] * 4
    turned = [row for row in kinds["turned"] if row.label == 1]
    assert turned == [one.example for one in plant.turned(examples, PLANTED, seed=1, max_length=32)]


@pytest.fixture(scope="module")
def planted(tiny_model):
    return tiny_model(labels=2), plant.turned(EXAMPLES, PLANTED, seed=1, max_length=32)


def test_what_a_token_passes_on_are_the_positive_scores_that_read_it(planted):
    model, (one, *_) = planted
    inputs = inputs_of(model, [one.example])
    scores = attribute(model, **inputs.arguments(), target=plant.GIVEN_AWAY).attribution[0]
    expected = [
        sum(
            max(float(scores[layer, head, query, key]), 0)
            for layer in range(2)
            for head in range(4)
            for query in range(7)
        )
        for key in range(7)
    ]
    maps = edge_maps(model, inputs, EDGE_METHODS, target=plant.GIVEN_AWAY)
    found = find.token_scores(model, maps, inputs, seed=1, name="dev-1")
    assert found["attribution"].tolist() == pytest.approx(expected, abs=1e-6)
    assert found["attention"].sum() == pytest.approx(2 * 4 * 7, abs=1e-3)


def test_gradient_x_input_is_the_derivative_along_the_embeddings(planted):
    model, (one, *_) = planted
    inputs = inputs_of(model, [one.example])
    found = find.gradient_x_input(model, inputs)
    embedding = model.get_input_embeddings()(inputs.input_ids).detach()

    def log_probability(scale):
        logits = model(inputs_embeds=embedding * scale[None, :, None], attention_mask=inputs.attention_mask).logits
        return logits.log_softmax(dim=-1)[0, plant.GIVEN_AWAY]

    with torch.no_grad():
        step = 1e-2
        for place in (1, one.place):
            up, down = torch.ones(7), torch.ones(7)
            up[place] += step
            down[place] -= step
            slope = float(log_probability(up) - log_probability(down)) / (2 * step)
            assert float(found[place]) == pytest.approx(slope, abs=5e-3)


def test_ranks_count_the_texts_own_tokens_and_ties_are_worst(planted, monkeypatch):
    model, (one, *_) = planted
    scores = torch.zeros(7)
    scores[0] = 9.0  # a special token
    scores[one.place], scores[2 if one.place != 2 else 3] = 1.0, 2.0
    monkeypatch.setattr(find, "token_scores", lambda *_, **__: {"some": scores, "none": torch.zeros(7)})
    rows = find.outcomes(model, [one], seed=1)
    assert [(row["method"], row["rank"], row["tokens"], row["first"]) for row in rows] == [
        ("some", 2, 5, False),
        ("none", 5, 5, False),
    ]


def test_what_attention_brings_is_the_change_of_the_output(planted):
    model, examples = planted
    for one in examples:
        result = attribute(model, **inputs_of(model, [one.example]).arguments(), target=plant.GIVEN_AWAY)
        expected = float((result.output[:, None] - result.baseline_output).max())
        assert find.outcomes(model, [one], seed=1)[0]["brought"] == pytest.approx(expected, abs=5e-3)


def test_heads_that_read_the_word_are_masked_first(planted, section):
    model, examples = planted
    heads = find.reading_heads(model, examples)
    assert set(heads) == {"attribution", "gradient_x_attention", "attention"}
    settings = section("shortcut", rates=[0.0, 0.25], random_orders=2)
    kinds = plant.kinds_of_rows(EXAMPLES, PLANTED, seed=1, max_length=32)
    columns = remove.outcomes(model, kinds, heads, settings=settings, seed=1, token_budget="auto")
    assert set(zip(columns["method"].tolist(), columns["order"].tolist(), strict=True)) == {
        *((method, 0) for method in heads),
        ("random", 0),
        ("random", 1),
    }
    mask = torch.ones(8)
    mask[heads["attention"].flatten().topk(2).indices] = 0
    expected = masked_predictions(model, kinds["turned"], mask.view(1, 2, 4))[0]
    chosen = (columns["method"] == "attention") & (columns["rate"] == 0.25) & (columns["rows"] == "turned")
    assert columns["predicted"][chosen].tolist() == expected.tolist()
    # By hand: the attention that reads the word.
    totals = torch.zeros(2, 4, dtype=torch.float64)
    for one in examples:
        inputs = inputs_of(model, [one.example]).arguments()
        probs = attribute(model, **inputs, target=0, steps=1, rule="right").attention_probs[0]
        totals += probs[..., one.place].sum(dim=-1).double()
    assert torch.allclose(heads["attention"], totals / len(examples), atol=1e-5)
