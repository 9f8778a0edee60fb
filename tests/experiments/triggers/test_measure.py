from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import BertTokenizer

from pipeline.attattr.triggers import Pattern, insert
from pipeline.errors import InputError
from pipeline.experiments.triggers.controls import (
    Vocabulary,
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
    run_on_dev,
    select_best,
    selection_samples,
    trigger_rows,
)
from pipeline.experiments.triggers.mining import MINED, Trigger, mine, strongest, with_tokens
from pipeline.predicting.examples import Example

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
    every, shared = selection_samples(heldout, settings=settings(n_select=6, hotflip_batch=4))
    assert every == heldout
    assert len(shared) == 4
    with pytest.raises(InputError, match=r"prepare\.n_heldout is 0"):
        selection_samples([], settings=settings())


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


def test_the_best_on_the_selection_sample_and_all_mined_ones_are_run_on_dev(tiny_model, examples, triggers, padded):
    model = tiny_model(seed=2)
    select, dev = examples[:3], examples[2:]
    best, columns = evaluate(model, triggers, select, dev, best=1, max_length=40, token_budget="auto")
    table = pd.DataFrame(columns)
    assert list(table) == ["sample", "trigger", "example_id", "label", "predicted"]
    on_dev = [0, 1, 2, 3, *best["random"]]
    after = {}
    for name, sample, numbers in (("select", select, range(8)), ("dev", dev, on_dev)):
        rows = table[table["sample"] == name]
        # First without any trigger, then with each in turn.
        assert rows["trigger"].tolist() == [number for number in (-1, *numbers) for _ in sample]
        assert rows["example_id"].tolist() == [example.example_id for example in sample] * (1 + len(numbers))
        assert rows["label"].tolist() == [example.label for example in sample] * (1 + len(numbers))
        predicted = rows["predicted"].to_numpy().reshape(1 + len(numbers), len(sample))
        with torch.no_grad():
            before = [int(model(**padded(model, [example])).logits.argmax()) for example in sample]
        assert predicted[0].tolist() == before
        run = [triggers[number] for number in numbers]
        np.testing.assert_array_equal(predicted[1:], one_by_one(model, sample, run, padded, max_length=40))
        after[name] = predicted[1:]
    assert len(table) == 9 * 3 + 6 * 3
    wrong = (after["select"] != [example.label for example in select]).sum(axis=1).tolist()
    assert best == {MINED: [wrong.index(max(wrong[:4]))], "random": [4 + wrong[4:].index(max(wrong[4:]))]}


def test_without_triggers_the_model_alone_is_measured(tiny_model, examples):
    best, columns = evaluate(tiny_model(), [], examples[:3], examples[2:], best=1, max_length=40, token_budget="auto")
    assert best == {}
    assert set(columns["trigger"]) == {-1}
    assert Counter(columns["sample"].tolist()) == {"select": 3, "dev": 3}


def test_the_best_of_each_kind_are_those_with_the_largest_drop_ties_by_index():
    kinds = ["a", "b", "a", "a", "b", "a"]
    lost = np.array([[0, 1], [1, 0], [1, 1], [0, 1], [0, 0], [-1, 0]], float)
    assert select_best(kinds, lost, count=3) == {"a": [2, 0, 3], "b": [1, 4]}
    assert select_best([], np.zeros((0, 2)), count=3) == {}


def test_dev_sees_all_mined_ones_and_the_best_of_the_others_once():
    kinds = [MINED, MINED, "random", "random", "hotflip"]
    assert run_on_dev(kinds, {MINED: [1], "random": [3], "hotflip": []}) == [0, 1, 3]


def test_rows_name_the_tokens_the_class_and_the_place_among_the_best():
    tokenizer = BertTokenizer(vocab={"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3, "un": 4, "##do": 5})
    one, other = a_trigger(2, (4, 0, 0.5), (5, 1, 0.75), strength=0.25), a_trigger(0, (5, 0, 0.5), kind="random")
    rows = trigger_rows([one, one, other], {MINED: [1, 0], "random": []}, tokenizer, classes=["no", "yes"])
    assert rows[0] == (
        {"kind": MINED, "rank": 2, "tokens": ["un", "##do"], "ids": [4, 5], "segments": [0, 1]}
        | {"positions": [0.5, 0.75], "strength": 0.25, "class": "no", "example_id": "e-0", "best": 1}
    )
    assert rows[1] == rows[0] | {"best": 0}
    assert (rows[2]["kind"], rows[2]["best"]) == ("random", None)


# Controls.


def test_the_vocabulary_is_what_occurs_in_training_without_special_tokens():
    found = training_vocabulary([pair(0, [11, 12], [11]), pair(1, [13], [1])], special=[1, CLS, SEP])
    assert found.ids.tolist() == [11, 12, 13]
    assert found.counts.tolist() == [2, 1, 1]


@pytest.fixture
def many():
    """Two hundred triggers of three tokens, all different."""
    return [a_trigger(n, *((1000 + 3 * n + k, 0, (k + 1) / 3) for k in range(3))) for n in range(200)]


@pytest.mark.parametrize("kind", ["random", "frequency", "shuffled"])
def test_replaced_tokens_keep_everything_else(many, kind):
    found = replaced(many, Vocabulary(np.array([5, 6]), np.array([9, 1])), kind=kind, seed=4)
    assert {one.kind for one in found} == {kind}
    for one, mined in zip(found, many, strict=True):
        assert (one.rank, one.example_id, one.target_class) == (mined.rank, mined.example_id, mined.target_class)
        assert (one.pattern.segments, one.pattern.positions) == (mined.pattern.segments, mined.pattern.positions)
        assert one.pattern.strength is None
    again = replaced(many, Vocabulary(np.array([5, 6]), np.array([9, 1])), kind=kind, seed=4)
    assert again == found
    assert replaced(many, Vocabulary(np.array([5, 6]), np.array([9, 1])), kind=kind, seed=5) != found


def drawn(triggers):
    return Counter(token for one in triggers for token in one.pattern.tokens)


def test_random_tokens_are_uniform_frequent_ones_by_count_and_shuffled_ones_the_same(many):
    vocabulary = Vocabulary(np.array([5, 6]), np.array([9, 1]))
    # Of 600 draws: 300 and 540 are expected, with standard deviations of 12 and 7.
    uniform, frequent = (drawn(replaced(many, vocabulary, kind=kind, seed=0)) for kind in ("random", "frequency"))
    assert abs(uniform[5] - 300) < 5 * 12.3
    assert abs(frequent[5] - 540) < 5 * 7.4
    assert uniform[5] + uniform[6] == frequent[5] + frequent[6] == 600
    shuffled = replaced(many, vocabulary, kind="shuffled", seed=0)
    assert drawn(shuffled) == drawn(many)
    assert sum(one.pattern.tokens == mined.pattern.tokens for one, mined in zip(shuffled, many, strict=True)) < 5
    with pytest.raises(ValueError, match="'hotflip'"):
        replaced(many, vocabulary, kind="hotflip", seed=0)


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


def test_a_hotflip_step_raises_the_linearised_loss_most(tiny_model, examples, padded):
    model, vocabulary = tiny_model(seed=6), np.array([5, 9, 14, 33, 58])
    mined = [a_trigger(0, (20, 0, 0.3), (21, 1, 0.9)), a_trigger(1, (22, 1, 0.5))]
    found = hotflip_triggers(model, mined, examples, vocabulary, max_length=40, token_budget=60)
    weight = model.get_input_embeddings().weight.detach()
    changed = set()
    for one, flipped in zip(mined, found, strict=True):
        assert flipped.kind == "hotflip"
        assert (flipped.rank, flipped.pattern.positions) == (one.rank, one.pattern.positions)
        total = torch.zeros(len(one.pattern.tokens), weight.shape[1])
        for example in examples:
            got = insert(example.input_ids, example.token_type_ids, example.segments, one.pattern, max_length=40)
            inputs = padded(model, [Example("x", got.input_ids, got.token_type_ids, 0, got.segments)])
            embedded = weight[inputs.pop("input_ids")].requires_grad_()
            logits = model(inputs_embeds=embedded, **inputs).logits
            cross_entropy(logits, torch.tensor([example.label])).backward()
            total += embedded.grad[0, got.places]
        for number, (old, new) in enumerate(zip(one.pattern.tokens, flipped.pattern.tokens, strict=True)):
            increase = {token: float((weight[token] - weight[old]) @ total[number]) for token in vocabulary.tolist()}
            assert new == max(increase, key=increase.get)
            changed.add(new)
    assert len(changed) > 1


def test_hotflip_leaves_a_token_that_is_cut_off_everywhere(tiny_model):
    long = [pair(0, [5, 6, 7, 8], [9, 10, 11, 12])]
    mined = [a_trigger(0, (20, 0, 1.0))]
    found = hotflip_triggers(tiny_model(), mined, long, np.array([5, 9]), max_length=11, token_budget="auto")
    assert found[0].pattern.tokens == (20,)
    assert hotflip_triggers(tiny_model(), [], long, np.array([5, 9]), max_length=11, token_budget="auto") == []


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
