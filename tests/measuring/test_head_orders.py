"""Orders of heads: random ones, ties, and what is predicted along them."""

import pandas as pd
import pytest
import torch

from pipeline.measuring.head_orders import Ranking, pruned_predictions, untied


@pytest.fixture
def settings(section):
    def make(**changes):
        return section("prune", **changes)

    return make


@pytest.mark.parametrize("token_budget", ["auto", 30])
def test_curves_are_those_of_removing_heads_from_the_weights(
    settings, tiny_model, random_examples, padded, without_heads, token_budget
):
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4, 6, 7], seed=3)
    generator = torch.Generator().manual_seed(0)
    orders = [Ranking("a", "none", 0, torch.rand(2, 4, generator=generator))]
    orders.append(Ranking("b", "none", 0, torch.tensor([[0.5, 0.5, 0.1, 0.5], [0.5, 0.9, 0.5, 0.1]])))
    rates = [0.0, 0.1, 0.4, 0.75, 1.0]
    chosen = settings(rates=rates)
    table = pd.DataFrame(
        pruned_predictions(model, examples, orders, settings=chosen, seed=5, token_budget=token_budget)
    )
    ties = untied(torch.zeros(2, 4), seed=5).flatten().tolist()
    columns = ["method", "normalise", "order", "rate", "n_masked", "example_id", "label", "predicted"]
    assert list(table) == columns
    assert len(table) == 2 * 5 * 5
    assert set(zip(table["rate"], table["n_masked"], strict=True)) == set(zip(rates, [0, 1, 3, 6, 8], strict=True))
    cells = table.set_index(["method", "normalise", "order", "n_masked", "example_id"])
    assert cells.index.is_unique
    for ranking in orders:
        scores = ranking.importance.flatten().tolist()
        order = sorted(range(8), key=lambda head, s=scores: (s[head], ties[head]))
        for count in (0, 1, 3, 6, 8):
            keep = torch.ones(8)
            keep[order[:count]] = 0
            changed = without_heads(model, keep.view(2, 4))
            for example in examples:
                with torch.no_grad():
                    logits = changed(**padded(model, [example])).logits
                cell = cells.loc[(ranking.method, "none", 0, count, example.example_id)]
                assert (cell["label"], cell["predicted"]) == (example.label, int(logits.argmax()))
    right = table["label"] == table["predicted"]
    assert right.any()
    assert not right.all()


def test_ties_are_broken_by_chance_anew_for_every_seed_and_never_by_index():
    importance = torch.tensor([[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    found = [untied(importance, seed=seed) for seed in range(200)]
    assert torch.equal(untied(importance, seed=3), found[3])
    assert all(sorted(order.flatten().tolist()) == list(range(6)) for order in found)
    assert {(int(order[1, 1]), int(order[0, 1])) for order in found} == {(0, 5)}
    first = [order.flatten().tolist().index(1) for order in found]
    assert all(25 < first.count(head) < 75 for head in (0, 2, 3, 5))  # 50 on average, with a deviation of 6


def test_equal_importances_do_not_send_the_lower_layers_away_first(settings, tiny_model, random_examples):
    """As most accuracy differences are equal: with all equal, orders of several seeds are orders by chance."""
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4, 6, 7], seed=3)
    orders, chosen = [Ranking("a", "none", 0, torch.zeros(2, 4))], settings(rates=[0.0, 0.5, 1.0])
    found = [
        pruned_predictions(model, examples, orders, settings=chosen, seed=seed, token_budget="auto")[
            "predicted"
        ].tolist()
        for seed in (0, 0, 1, 2, 3, 4)
    ]
    assert found[0] == found[1]
    assert len({tuple(row) for row in found}) > 1
