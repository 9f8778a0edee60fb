from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import BertTokenizer

from attattr.examples import Example
from attattr.insertion import Pattern, insert
from pipeline.errors import InputError
from pipeline.experiments.triggers.controls import (
    Vocabulary,
    as_frequent,
    attention_edges,
    attention_triggers,
    control_triggers,
    replaced,
    training_vocabulary,
)
from pipeline.experiments.triggers.hotflip import hotflip_triggers
from pipeline.experiments.triggers.measure import (
    evaluate,
    predictions,
    selection_samples,
    trigger_rows,
)
from pipeline.experiments.triggers.mining import MINED, Trigger, mine, strongest, with_tokens

CLS, SEP = 2, 3
CONTROLS = ["random", "frequency", "shuffled", "attention", "hotflip"]


@pytest.fixture(scope="module")
def settings(section):
    def make(**changes):
        values = {"n_triggers": 10, "second_share": 0.2, "least_attribution": 0.02, "controls": CONTROLS}
        return section("triggers", **{**values, "n_select": 3, "hotflip_batch": 2, **changes})

    return make


def pair(number, first, second, label=0):
    ids = [CLS, *first, SEP, *second, SEP]
    start = len(first) + 2
    segments = [[1, start - 1], [start, start + len(second)]]
    return Example(f"e-{number}", ids, [0] * start + [1] * (len(second) + 1), label, segments)


def a_trigger(rank, *tokens, kind=MINED, strength=1.0):
    """A trigger of (token, segment, position) triples."""
    return Trigger(kind, rank, Pattern(*zip(*tokens, strict=True), strength=strength), "e-0", 0)


@pytest.fixture(scope="module")
def examples():
    generator = np.random.default_rng(0)
    sizes = [(4, 2), (1, 3), (5, 5), (3, 1), (2, 4)]
    return [
        pair(number, *(generator.integers(5, 60, size).tolist() for size in pair_of), label=number % 3)
        for number, pair_of in enumerate(sizes)
    ]


def row(number, n, *edges, target_class=1):
    edges = [dict(zip(("query", "key", "value"), edge, strict=True)) for edge in edges]
    return {"example_id": f"e-{number}", "n": n, "target_class": target_class, "top_edges": edges}


# Mining.


def test_patterns_are_ranked_by_strength_and_the_rest_is_counted(settings):
    #             0    1   2    3   4    5
    tokens = [[CLS, 11, 12, SEP, 21, SEP]] * 6
    found = {f"e-{n}": Example(f"e-{n}", ids, [0, 0, 0, 0, 1, 1], 0, [[1, 3], [4, 5]]) for n, ids in enumerate(tokens)}
    rows = [
        row(0, 6, (0, 1, 0.5), (0, 2, 0.05)),  # 11, strength 0.5
        row(1, 6, (0, 3, 0.9), (5, 5, 0.8)),  # special tokens only
        row(2, 6, (1, 4, 0.4), (2, 2, 0.3), target_class=2),  # 11, 12, 21, strength 0.7
        row(3, 6, (4, 4, 0.01), (4, 4, 0.009)),  # too weak
        row(4, 6, (5, 1, 0.6), (1, 1, 0.1)),  # 11 again, stronger: its second edge is left out
        row(5, 6, (2, 0, 0.02), (0, 0, 0.001)),  # 12, just strong enough
    ]
    triggers, counts = mine(rows, found, settings=settings())
    assert [(one.kind, one.rank, one.example_id, one.target_class) for one in triggers] == [
        (MINED, 0, "e-2", 2),
        (MINED, 1, "e-4", 1),
        (MINED, 2, "e-5", 1),
    ]
    assert [one.pattern.tokens for one in triggers] == [(11, 12, 21), (11,), (12,)]
    assert triggers[0].pattern.strength == pytest.approx(0.7)
    assert counts == {"examples": 6, "without_tokens": 1, "too_weak": 1, "repeats": 1, "patterns": 3}
    fewer, counts = mine(rows, found, settings=settings(n_triggers=2))
    assert fewer == triggers[:2]
    assert counts["patterns"] == 2


def test_equal_token_sets_are_those_in_any_order_or_segment():
    same = [a_trigger(0, (7, 0, 0.5), (8, 0, 1.0), strength=0.3), a_trigger(0, (8, 0, 0.5), (7, 1, 1.0), strength=0.3)]
    other = a_trigger(0, (7, 0, 0.5), (7, 0, 1.0), strength=0.4)
    kept = strongest([*same, other], count=10)
    assert [one.pattern for one in kept] == [other.pattern, same[0].pattern]
    assert [one.rank for one in kept] == [0, 1]


def test_a_store_with_one_edge_per_example_is_refused_but_not_a_lone_token(settings):
    with pytest.raises(InputError, match=r"attribute\.top_edges is 1"):
        mine([row(0, 5, (0, 1, 0.5))], {"e-0": pair(0, [11], [21])}, settings=settings())
    lone = {"e-0": Example("e-0", [CLS], [0], 0, [[1, 1]])}
    assert mine([row(0, 1, (0, 0, 0.5))], lone, settings=settings())[1]["without_tokens"] == 1


def test_nothing_mined_leaves_counts(settings):
    assert mine([], {}, settings=settings()) == (
        [],
        {"examples": 0, "without_tokens": 0, "too_weak": 0, "repeats": 0, "patterns": 0},
    )


# Samples.


def test_the_gradient_has_other_held_out_examples_than_the_selection(settings):
    heldout = [pair(number, [number + 10], [5]) for number in range(6)]
    select, rest = selection_samples(heldout, settings=settings(n_select=3, hotflip_batch=2))
    assert (len(select), len(rest)) == (3, 2)
    assert not {e.example_id for e in select} & {e.example_id for e in rest}
    assert selection_samples(heldout, settings=settings(n_select=3, hotflip_batch=2)) == (select, rest)
    # A larger selection holds a smaller one.
    larger, _ = selection_samples(heldout, settings=settings(n_select=4, hotflip_batch=2))
    assert all(example in larger for example in select)
    for few in ([], heldout[:3]):
        with pytest.raises(InputError, match=r"raise prepare\.n_heldout"):
            selection_samples(few, settings=settings(n_select=3, hotflip_batch=2))


# Running them.


def one_by_one(model, examples, triggers, padded, *, max_length):
    """The predicted class, `(trigger, example)`, of one example at a time."""
    result = []
    for one in triggers:
        for example in examples:
            got = insert(
                example.input_ids, example.token_type_ids, example.segments, one.pattern, max_length=max_length
            )
            changed = Example("x", got.input_ids, got.token_type_ids, 0, got.segments)
            with torch.no_grad():
                result.append(int(model(**padded(model, [changed])).logits.argmax()))
    return np.array(result).reshape(len(triggers), len(examples))


@pytest.fixture(scope="module")
def triggers():
    generator = np.random.default_rng(1)
    kinds = [MINED] * 4 + ["random"] * 4
    return [
        a_trigger(
            number % 4,
            *(
                (int(generator.integers(5, 60)), int(generator.integers(2)), generator.uniform(0.01, 1))
                for _ in range(2)
            ),
            kind=kind,
        )
        for number, kind in enumerate(kinds)
    ]


@pytest.mark.parametrize(("token_budget", "at_once"), [("auto", 4096), (30, 4096), ("auto", 7)])
def test_predictions_are_those_of_one_example_at_a_time(
    tiny_model, examples, triggers, padded, monkeypatch, token_budget, at_once
):
    model = tiny_model(seed=2)
    monkeypatch.setattr("pipeline.experiments.triggers.measure.SEQUENCES_AT_ONCE", at_once)
    patterns = [one.pattern for one in triggers]
    found = predictions(model, examples, patterns, max_length=12, token_budget=token_budget)
    expected = one_by_one(model, examples, triggers, padded, max_length=12)
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(found, expected)
    assert predictions(model, examples, [], max_length=12, token_budget="auto").shape == (0, 5)


def test_all_triggers_are_run_on_both_samples(tiny_model, examples, triggers, padded):
    model = tiny_model(seed=2)
    samples = {"select": examples[:3], "dev": examples[2:]}
    table = pd.DataFrame(evaluate(model, triggers, samples, max_length=40, token_budget="auto"))
    assert list(table) == ["sample", "trigger", "example_id", "label", "predicted"]
    for name, sample in samples.items():
        rows = table[table["sample"] == name]
        # First without any trigger, then with each in turn.
        assert rows["trigger"].tolist() == [number for number in range(-1, 8) for _ in sample]
        assert rows["example_id"].tolist() == [example.example_id for example in sample] * 9
        assert rows["label"].tolist() == [example.label for example in sample] * 9
        predicted = rows["predicted"].to_numpy().reshape(9, len(sample))
        with torch.no_grad():
            before = [int(model(**padded(model, [example])).logits.argmax()) for example in sample]
        assert predicted[0].tolist() == before
        np.testing.assert_array_equal(predicted[1:], one_by_one(model, sample, triggers, padded, max_length=40))
    assert len(table) == 9 * 3 + 9 * 3


def test_without_triggers_the_model_alone_is_measured(tiny_model, examples):
    samples = {"select": examples[:3], "dev": examples[2:]}
    columns = evaluate(tiny_model(), [], samples, max_length=40, token_budget="auto")
    assert set(columns["trigger"]) == {-1}
    assert Counter(columns["sample"].tolist()) == {"select": 3, "dev": 3}


def test_rows_name_the_tokens_and_the_class():
    tokenizer = BertTokenizer(vocab={"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3, "un": 4, "##do": 5})
    one, other = a_trigger(2, (4, 0, 0.5), (5, 1, 0.75), strength=0.25), a_trigger(0, (5, 0, 0.5), kind="random")
    rows = trigger_rows([one, other], tokenizer, classes=["no", "yes"])
    assert rows[0] == (
        {"kind": MINED, "rank": 2, "tokens": ["un", "##do"], "ids": [4, 5], "segments": [0, 1]}
        | {"positions": [0.5, 0.75], "strength": 0.25, "class": "no", "example_id": "e-0"}
    )
    assert (rows[1]["kind"], rows[1]["strength"]) == ("random", 1.0)


# Controls.


def test_the_vocabulary_is_what_occurs_in_training_without_special_tokens():
    found = training_vocabulary([pair(0, [11, 12], [11]), pair(1, [13], [1])], special=[1, CLS, SEP])
    assert found.ids.tolist() == [11, 12, 13]
    assert found.counts.tolist() == [2, 1, 1]


@pytest.fixture
def many():
    """Two hundred triggers of three tokens, all different."""
    return [a_trigger(n, *((1000 + 3 * n + k, 0, (k + 1) / 3) for k in range(3))) for n in range(200)]


FEW = Vocabulary(np.array([5, 6, 7]), np.array([9, 1, 2]))


@pytest.mark.parametrize("kind", ["random", "frequency", "shuffled"])
def test_replaced_tokens_keep_everything_else(many, kind):
    found = replaced(many, FEW, kind=kind, neighbours=2, seed=4)
    assert {one.kind for one in found} == {kind}
    for one, mined in zip(found, many, strict=True):
        assert (one.rank, one.example_id, one.target_class) == (mined.rank, mined.example_id, mined.target_class)
        assert (one.pattern.segments, one.pattern.positions) == (mined.pattern.segments, mined.pattern.positions)
        assert one.pattern.strength is None
    assert replaced(many, FEW, kind=kind, neighbours=2, seed=4) == found
    assert replaced(many, FEW, kind=kind, neighbours=2, seed=5) != found


def drawn(triggers):
    return Counter(token for one in triggers for token in one.pattern.tokens)


def test_random_tokens_are_uniform_and_shuffled_ones_the_same(many):
    uniform = drawn(replaced(many, FEW, kind="random", neighbours=2, seed=0))
    # Of 600 draws 200 of each are expected, with a standard deviation of 11.5.
    assert all(abs(uniform[token] - 200) < 5 * 11.5 for token in (5, 6, 7))
    shuffled = replaced(many, FEW, kind="shuffled", neighbours=2, seed=0)
    assert drawn(shuffled) == drawn(many)
    assert sum(one.pattern.tokens == mined.pattern.tokens for one, mined in zip(shuffled, many, strict=True)) < 5
    with pytest.raises(ValueError, match="'hotflip'"):
        replaced(many, FEW, kind="hotflip", neighbours=2, seed=0)


def test_a_token_is_replaced_by_one_about_as_frequent():
    # Counts grow with the id; but 30 to 39 are all as frequent.
    ids = np.arange(10, 60)
    vocabulary = Vocabulary(ids, np.where((ids >= 30) & (ids < 40), 300, 10 * ids))
    generator = np.random.default_rng(0)

    def others(token, neighbours):
        return {as_frequent(token, vocabulary, neighbours=neighbours, generator=generator) for _ in range(300)}

    assert others(20, 4) == {18, 19, 21, 22}
    assert others(10, 3) == {11, 12, 13}
    # Of ties any may be drawn, not the first ones alone.
    assert others(35, 2) == set(range(30, 40)) - {35}
    # The vocabulary lacks the token, or has fewer than are asked for.
    assert others(5, 2) == {10, 11}
    assert others(20, 99) == set(ids.tolist()) - {20}
    with pytest.raises(InputError, match="single token"):
        as_frequent(3, Vocabulary(np.array([3]), np.array([7])), neighbours=2, generator=generator)


def test_the_largest_attention_between_own_tokens_names_the_head():
    # [CLS], a token, [SEP], a token, [SEP].
    probs = torch.zeros(2, 2, 5, 5)
    probs[0, 0, 1, 2] = 1.0  # to a separator: does not count
    probs[0, 1, 0, 1] = 0.95  # from [CLS]: does not count
    probs[1, 0, 3, 1], probs[1, 0, 1, 1], probs[1, 0, 1, 3] = 0.5, 0.1, 0.2
    probs[0, 1, 1, 3] = 0.4
    assert attention_edges(probs, [1, 3]) == [(3, 1, 0.5), (1, 3, pytest.approx(0.2))]
    assert attention_edges(probs[:, :, :3, :3], [1]) == [(1, 1, pytest.approx(0.1))]
    assert attention_edges(probs[:, :, :2, :2], []) == []


def test_attention_triggers_are_mined_from_the_models_own_attention(
    tiny_model, examples, padded, with_attention, settings
):
    model = tiny_model(seed=5)
    rows = [{"example_id": example.example_id, "target_class": n % 2} for n, example in enumerate(examples)]
    rows.append({"example_id": "empty", "target_class": 0})
    by_id = {example.example_id: example for example in [*examples, Example("empty", [CLS, SEP], [0, 0], 0, [[1, 1]])]}
    found = attention_triggers(model, rows, by_id, count=4, settings=settings(second_share=0.9), token_budget=40)
    assert [one.rank for one in found] == [0, 1, 2, 3]
    strengths = [one.pattern.strength for one in found]
    assert strengths == sorted(strengths, reverse=True)
    for one in found:
        example = by_id[one.example_id]
        assert one.target_class == int(one.example_id[2:]) % 2
        with torch.no_grad():
            _, layers = with_attention(model, padded(model, [example]))
        probs = torch.stack(layers)[:, 0].detach()
        own = [p for p, token in enumerate(example.input_ids) if token not in (CLS, SEP)]
        best = max(
            (float(probs[layer, head, i, j]), layer, head)
            for layer in range(2)
            for head in range(4)
            for i in own
            for j in own
        )
        values = sorted((float(probs[best[1], best[2], i, j]) for i in own for j in own), reverse=True)[:2]
        expected = sum(values) if values[1] >= 0.9 * values[0] else values[0]
        assert one.pattern.strength == pytest.approx(expected, rel=1e-4)


# HotFlip.


@pytest.fixture(scope="module")
def loss(padded):
    """The gold loss of the examples that are not of the trigger's class, with other tokens in its pattern."""

    def make(model, trigger, tokens, examples, *, slope=False):
        pattern, weight = replace(trigger.pattern, tokens=tuple(tokens)), model.get_input_embeddings().weight.detach()
        total, gradient = 0.0, torch.zeros(len(tokens), weight.shape[1])
        for example in [one for one in examples if one.label != trigger.target_class]:
            got = insert(example.input_ids, example.token_type_ids, example.segments, pattern, max_length=40)
            inputs = padded(model, [Example("x", got.input_ids, got.token_type_ids, 0, got.segments)])
            embedded = weight[inputs.pop("input_ids")].requires_grad_()
            one = cross_entropy(model(inputs_embeds=embedded, **inputs).logits, torch.tensor([example.label]))
            one.backward()
            total += float(one.detach())
            gradient += embedded.grad[0, got.places]
        return gradient @ weight.T if slope else total

    return make


VOCABULARY = np.array([5, 9, 14, 33, 58])


def flip(model, mined, examples, *, candidates=1, rounds=1, vocabulary=VOCABULARY, max_length=40):
    how = {"candidates": candidates, "rounds": rounds, "max_length": max_length, "token_budget": 60}
    return hotflip_triggers(model, mined, examples, vocabulary, **how)


def test_one_round_takes_the_token_with_the_largest_slope_if_that_raises_the_loss(tiny_model, examples, loss):
    outcomes = set()
    for seed in range(6):
        model = tiny_model(seed=seed)
        (mined,) = [a_trigger(0, (20 + seed, 0, 0.3))]
        (found,) = flip(model, [mined], examples)
        assert (found.kind, found.rank, found.pattern.strength) == ("hotflip", mined.rank, None)
        assert (found.pattern.positions, found.target_class) == (mined.pattern.positions, mined.target_class)
        slope = loss(model, mined, mined.pattern.tokens, examples, slope=True)[0]
        steepest = max(VOCABULARY.tolist(), key=lambda token: float(slope[token]))
        rises = loss(model, mined, [steepest], examples) > loss(model, mined, mined.pattern.tokens, examples)
        assert found.pattern.tokens == ((steepest,) if rises else mined.pattern.tokens)
        outcomes.add(steepest)
    assert len(outcomes) > 1


def test_when_it_stops_no_single_token_raises_the_loss(tiny_model, examples, loss):
    """With all tokens as candidates what it ends in is a local maximum, found by trying every one."""
    model = tiny_model(seed=6)
    mined = [a_trigger(0, (20, 0, 0.3), (21, 1, 0.9)), a_trigger(1, (22, 1, 0.5))]
    found = flip(model, mined, examples, candidates=5, rounds=20)
    assert found[0].pattern.tokens != mined[0].pattern.tokens
    for start, end in zip(mined, found, strict=True):
        tokens = list(end.pattern.tokens)
        reached = loss(model, start, tokens, examples)
        assert reached >= loss(model, start, start.pattern.tokens, examples)
        for place in range(len(tokens)):
            for token in VOCABULARY.tolist():
                other = [*tokens[:place], token, *tokens[place + 1 :]]
                assert loss(model, start, other, examples) <= reached + 1e-5


def test_examples_of_the_triggers_own_class_do_not_count(tiny_model, examples):
    model = tiny_model(seed=6)
    mined = [a_trigger(0, (20, 0, 0.3), (21, 1, 0.9))]
    foreign = [example for example in examples if example.label != 0]
    assert len(foreign) < len(examples)
    assert flip(model, mined, examples, rounds=3) == flip(model, mined, foreign, rounds=3)
    # Where there are no others, nothing tells one token from another.
    own = [example for example in examples if example.label == 0]
    assert flip(model, mined, own, rounds=3)[0].pattern.tokens == (20, 21)
    assert flip(model, mined, examples, rounds=0)[0].pattern.tokens == (20, 21)


def test_hotflip_leaves_a_token_that_is_cut_off_everywhere(tiny_model):
    long = [pair(0, [5, 6, 7, 8], [9, 10, 11, 12], label=1)]
    mined = [a_trigger(0, (20, 0, 1.0))]
    found = flip(tiny_model(), mined, long, vocabulary=np.array([5, 9]), max_length=11)
    assert found[0].pattern.tokens == (20,)
    assert flip(tiny_model(), [], long) == []


# All controls.


def test_every_control_has_at_most_as_many_triggers_as_were_mined(tiny_model, examples, settings):
    model, vocabulary = tiny_model(), training_vocabulary(examples, special=[CLS, SEP])
    mined = [a_trigger(0, (20, 0, 0.3), (21, 1, 0.9)), a_trigger(1, (22, 1, 0.5))]
    rows = [{"example_id": example.example_id, "target_class": 0} for example in examples]
    by_id = {example.example_id: example for example in examples}

    def run(kinds, mined, seed=1):
        return control_triggers(
            model,
            mined,
            rows,
            by_id,
            examples,
            vocabulary,
            settings=settings(controls=kinds),
            seed=seed,
            max_length=40,
            token_budget=99,
        )

    found = run(CONTROLS, mined)
    assert Counter(one.kind for one in found) == dict.fromkeys(CONTROLS, 2)
    # What one control draws does not depend on the others.
    assert run(["frequency"], mined) == [one for one in found if one.kind == "frequency"]
    # Another replicate draws others, and what is not drawn stays.
    other = run(CONTROLS, mined, seed=2)
    for kind in CONTROLS:
        again = [one for one in other if one.kind == kind] == [one for one in found if one.kind == kind]
        assert again == (kind in ("attention", "hotflip")) or kind == "shuffled"
    assert run(CONTROLS, []) == []


def test_tokens_are_dealt_out_in_order():
    mined = [a_trigger(0, (20, 0, 0.3), (21, 1, 0.9)), a_trigger(1, (22, 1, 0.5))]
    found = with_tokens(mined, np.array([7, 8, 9]), "x")
    assert [one.pattern.tokens for one in found] == [(7, 8), (9,)]
