"""Shuffled weights: what is shuffled when, and what it does to the scores."""

import copy

import pytest
import torch

from attattr import AttributionError
from pipeline.experiments.truth.randomise import outcomes, shuffled_from_the_top


@pytest.mark.parametrize("family", ["bert", "distilbert", "electra", "modernbert"])
def test_parts_are_shuffled_from_the_top_and_stay_shuffled(tiny_model, family):
    model = tiny_model(family, layers=3)
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    layer_of = {name: next((int(p) for p in name.split(".") if p.isdigit()), None) for name in before}
    for number, changed in enumerate(shuffled_from_the_top(model, seed=1), start=1):
        for name, weights in changed.named_parameters():
            layer = layer_of[name]
            top = layer is None and "embeddings" not in name
            # The third step has shuffled the two last layers of three.
            expected = top or (layer is not None and layer >= 4 - number)
            if "final_norm" in name:  # a part of ModernBERT's encoder that is no layer
                expected = False
            if weights.numel() > 8:  # of few an order may be the old one by chance
                assert torch.equal(weights, before[name]) == (not expected), (number, name)
            assert torch.equal(weights.flatten().sort().values, before[name].flatten().sort().values)
    assert number == 4
    assert all(torch.equal(weights, before[name]) for name, weights in model.state_dict().items())


def test_a_model_with_one_layer_for_all_is_refused(tiny_model):
    with pytest.raises(AttributionError, match="albert applies a layer several times"):
        next(shuffled_from_the_top(tiny_model("albert"), seed=1))


def test_what_is_kept_of_the_scores_by_example_method_and_step(tiny_model, random_examples):
    model, examples = tiny_model(labels=2), random_examples([5, 8], labels=2)
    before = copy.deepcopy(model.state_dict())
    rows = outcomes(model, examples, seed=1, token_budget="auto")
    methods = ["attribution", "attribution_per_attention", "gradient_x_attention", "attention"]
    keys = [(row["shuffled"], row["example_id"], row["method"]) for row in rows]
    assert keys == [(step, name, method) for step in (1, 2, 3) for name in ("e-0", "e-1") for method in methods]
    found = {(row["shuffled"], row["method"]): row["spearman"] for row in rows if row["example_id"] == "e-0"}
    # Attention has nothing to do with the classifier, and all with the layers.
    assert found[1, "attention"] == pytest.approx(1, abs=1e-6)
    assert found[3, "attention"] < 0.9
    assert abs(found[3, "attribution"]) < 0.6
    assert rows == outcomes(model, examples, seed=1, token_budget="auto")
    assert rows != outcomes(model, examples, seed=2, token_budget="auto")
    assert all(torch.equal(weights, before[name]) for name, weights in model.state_dict().items())
