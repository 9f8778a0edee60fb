"""Planted paths: the label has no other way, and what scores make of it."""

import numpy as np
import pytest
import torch

from attattr.examples import collate
from pipeline.experiments.planted_paths.plant import (
    FIRST_FILLER,
    FIRST_SIGN,
    PAIRS,
    SIGNS,
    draw_circuit,
    draw_model,
    kinds,
    texts,
)
from pipeline.experiments.planted_paths.score import KNOCK_OUT, outcomes, precision


def positive(token):
    return token >= FIRST_SIGN + SIGNS // 2


@pytest.mark.parametrize("design", PAIRS)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_label_is_whether_the_words_of_a_pair_agree(design, seed):
    circuit = draw_circuit(design, seed=seed)
    labels = []
    for split in ("train", "dev"):
        for example in texts(circuit, 60, seed=seed, split=split):
            signs = [place for place, token in enumerate(example.input_ids) if FIRST_SIGN <= token < FIRST_FILLER]
            pairs = [pair for pair in circuit.pairs if set(pair) <= set(signs)]
            assert pairs
            assert len(signs) == 2 * len(pairs)
            for first, second in pairs:
                same = positive(example.input_ids[first]) == positive(example.input_ids[second])
                assert example.label == int(same)
            labels.append(example.label)
    assert np.mean(labels) == 0.5


def test_either_pair_may_be_missing_in_training_and_neither_in_dev():
    circuit = draw_circuit("two paths", seed=1)

    def present(example):
        return tuple(FIRST_SIGN <= example.input_ids[pair[0]] < FIRST_FILLER for pair in circuit.pairs)

    assert {present(one) for one in texts(circuit, 60, seed=1, split="train")} == {
        (True, True),
        (True, False),
        (False, True),
    }
    assert {present(one) for one in texts(circuit, 60, seed=1, split="dev")} == {(True, True)}


@pytest.mark.parametrize("design", PAIRS)
def test_there_are_as_many_distractors_as_edges_on_the_path_and_each_reader_has_one_of_either(design):
    circuit = draw_circuit(design, seed=3)
    assert len(circuit.path) == len(circuit.distractors) == 2 * PAIRS[design]
    assert not set(circuit.path) & set(circuit.distractors)
    readers = [sorted((layer, query) for layer, query, _ in edges) for edges in (circuit.path, circuit.distractors)]
    assert readers[0] == readers[1]
    off_diagonal = circuit.allowed & ~torch.eye(circuit.n, dtype=torch.bool)
    assert int(off_diagonal.sum()) == len(kinds(circuit))


def test_the_classifier_sees_the_path_and_the_distractors_alone():
    circuit = draw_circuit("one path", seed=1)
    model = draw_model(circuit, seed=1).eval()
    (example,) = texts(circuit, 1, seed=1, split="dev")
    read = {0, *(place for _, query, key in (*circuit.path, *circuit.distractors) for place in (query, key))}
    batch = collate([example], pad_id=0)
    with torch.no_grad():
        before = model(batch.input_ids).logits
        for place in range(circuit.n):
            changed = batch.input_ids.clone()
            changed[0, place] = FIRST_FILLER + 3 if changed[0, place] != FIRST_FILLER + 3 else FIRST_FILLER
            assert torch.equal(before, model(changed).logits) == (place not in read)


def test_the_same_seed_gives_the_same_texts_places_and_weights_and_another_others():
    one, same, other = (draw_circuit("two paths", seed=seed) for seed in (1, 1, 2))
    assert (one, texts(one, 9, seed=1, split="dev")) == (same, texts(same, 9, seed=1, split="dev"))
    assert one.pairs != other.pairs
    weights = [draw_model(one, seed=seed).classifier.weight for seed in (1, 1, 2)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_outcomes_hold_every_method_and_losses_of_knock_outs():
    circuit = draw_circuit("two paths", seed=1)
    model = draw_model(circuit, seed=1).eval()
    examples = texts(circuit, 2, seed=1, split="dev")
    found, losses, edges = outcomes(model, circuit, examples, design="two paths", seed=1, kept=1)
    methods = {row["method"] for row in found}
    assert {"attribution", "gradient_x_attention", "attention", "random", KNOCK_OUT} <= methods
    assert len(found) == 2 * len(methods)
    assert all(0 <= row[name] <= 1 for row in found for name in ("auroc", "precision"))
    assert {row["example_id"] for row in edges} == {examples[0].example_id}
    assert len(edges) == len(methods) * 8
    assert max(abs(row["score"]) for row in edges) == 1
    assert [(row["example_id"], row["output"]) for row in losses] == [
        (example.example_id, output) for example in examples for output in ("probability", "margin")
    ]


def test_effects_of_one_path_add_up():
    # A single carrying edge in the last layer: alone and together are the same knock-out, computed in two ways.
    circuit = draw_circuit("one path", seed=2)
    model = draw_model(circuit, seed=2).eval()
    _, losses, _ = outcomes(model, circuit, texts(circuit, 3, seed=2, split="dev"), design="one path", seed=2, kept=1)
    for row in losses:
        assert row["single"] == pytest.approx(row["together"], abs=1e-5)
        assert abs(row["single"]) > 1e-4


def test_precision_by_hand():
    carries = np.array([True, True, False, False])
    assert precision(np.array([3.0, -2.0, 1.0, 0.0]), carries) == 1
    assert precision(np.array([3.0, 0.5, -1.0, 0.0]), carries) == 0.5
    assert precision(np.array([0.0, 0.5, -1.0, 2.0]), carries) == 0


def test_random_scores_know_nothing():
    circuit = draw_circuit("two paths", seed=1)
    model = draw_model(circuit, seed=1).eval()
    examples = texts(circuit, 40, seed=1, split="dev")
    found, _, _ = outcomes(model, circuit, examples, design="two paths", seed=1, kept=1)
    aurocs = [row["auroc"] for row in found if row["method"] == "random"]
    # The standard error of the mean of 40 is 0.03.
    assert abs(np.mean(aurocs) - 0.5) < 0.12
