"""Scores against knock-outs: effects and group losses by brute force."""

import copy

import numpy as np
import pytest
import torch

from attattr.examples import inputs_of
from attattr.faithfulness import masked_edges
from pipeline.experiments.truth.knock_outs import coarse, group_losses, outcomes
from pipeline.measuring.edge_maps import edge_maps, scores_at
from pipeline.values.columns import KEPT
from pipeline.values.edge_methods import EDGE_METHODS


@pytest.fixture(scope="module")
def case(tiny_model, random_examples):
    """A model and examples of 5 and 7 tokens."""
    return tiny_model(layers=3, labels=2), random_examples([5, 7], labels=2)


@pytest.fixture
def settings(section):
    return section("truth", n_examples=2, levels=["pairs", "edges"], top_k=3, largest=0.1, group_sizes=[1, 4])


def log_odds(logits, target):
    others = [value for index, value in enumerate(logits.tolist()) if index != target]
    return float(logits[target]) - float(np.logaddexp.reduce(others))


def test_the_effects_are_those_of_removing_each_edge(case, settings, monkeypatch, with_attention, padded):
    model, examples = case
    seen = []

    def noted(scores, effects, **_):
        seen.append(effects)
        return dict.fromkeys(("precision", "spearman", "auroc", "average_precision"), 0.0)

    monkeypatch.setattr("pipeline.experiments.truth.knock_outs.agreement", noted)
    outcomes(model, examples[:1], settings=settings, seed=1, token_budget="auto")
    shapes = {effects.shape for effects in seen}
    assert shapes == {(3, 1, 5, 5), (3, 4, 5, 5)}
    plain = padded(model, examples[:1])
    logits, probs = with_attention(model, plain)
    target = int(logits[0].argmax())
    for effects in (next(e for e in seen if e.shape[1] == heads) for heads in (1, 4)):
        for place in [(0, 0, 1, 2), (1, effects.shape[1] - 1, 3, 0), (2, 0, 0, 4), (2, 0, 3, 4)]:
            layer, head, query, key = place
            changed = probs[layer].detach().clone()
            changed[:, head if effects.shape[1] > 1 else slice(None), query, key] = 0
            without, _ = with_attention(model, plain, {layer: changed})
            expected = log_odds(logits[0].detach(), target) - log_odds(without[0].detach(), target)
            assert effects[place] == pytest.approx(expected, abs=1e-4)


def test_groups_lose_what_their_pairs_carry_together(case):
    model, examples = case
    inputs = inputs_of(model, examples[1:])
    scores = scores_at(edge_maps(model, inputs, EDGE_METHODS), level="pairs", seed=1, name="e")
    rows = group_losses(model, inputs, scores, sizes=[1, 4, 9999])
    assert [(row["method"], row["size"]) for row in rows][:3] == [("attribution", size) for size in (1, 4, 147)]
    with torch.no_grad():
        whole = model(**inputs.arguments()).logits[0]
        target = int(whole.argmax())
        for method, size, lost in [(row["method"], row["size"], row["lost"]) for row in rows]:
            mask = torch.ones(1, 3, 7, 7, dtype=torch.bool)
            mask.view(-1)[np.argsort(-scores[method].ravel(), kind="stable")[:size].tolist()] = False
            without = masked_edges(model, mask)(**inputs.arguments()).logits[0]
            assert lost == pytest.approx(log_odds(whole, target) - log_odds(without, target), abs=1e-4)


def test_every_example_level_and_method_has_a_row_and_chance_comes_from_seed_and_example(case, settings):
    # In float64, as rounding orders effects of nothing otherwise.
    model, examples = copy.deepcopy(case[0]).double(), case[1]
    rows, groups, pairs = outcomes(model, examples, settings=settings, seed=1, token_budget="auto")
    of_pairs = [row["method"] for row in rows if (row["example_id"], row["level"]) == ("e-0", "pairs")]
    assert of_pairs[-2:] == ["contribution", "random"]
    assert len(rows) == 2 * (len(of_pairs) + len(of_pairs) - 1)
    assert len(groups) == 2 * len(of_pairs) * 2
    assert [row["example_id"] for row in pairs] == ["e-0", "e-1"]
    inputs = inputs_of(model, examples[1:])
    known = scores_at(edge_maps(model, inputs, EDGE_METHODS), level="pairs", seed=1, name="e-1")
    for method in KEPT:
        kept = np.reshape(pairs[1][method], (3, 1, 7, 7))
        np.testing.assert_allclose(kept, known[method], rtol=1 / 16, atol=1e-12)
    assert len(pairs[1]["effect"]) == 3 * 7 * 7
    again, *_ = outcomes(model, examples, settings=settings, seed=1, token_budget=64)
    numbers = [[value for value in row.values() if isinstance(value, float)] for row in (*rows, *again)]
    assert np.allclose(numbers[: len(rows)], numbers[len(rows) :], atol=1e-9)
    other, *_ = outcomes(model, examples, settings=settings, seed=2, token_budget="auto")
    differ = {row["method"] for row, again in zip(rows, other, strict=True) if row != again}
    assert differ == {"random"}


def test_kept_values_are_near_and_in_order():
    values = np.sort(np.random.default_rng(0).normal(size=2000) ** 9)
    kept = coarse(np.concatenate([values, [0.0]]))
    assert kept[-1] == 0
    np.testing.assert_allclose(kept[:-1], values, rtol=1 / 16)
    assert np.all(np.diff(kept[:-1]) >= 0)
    assert np.all((kept[:-1] > 0) == (values > 0))
    assert len(np.unique(np.frexp(kept[:-1])[0])) <= 16
