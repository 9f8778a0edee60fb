import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.errors import InputError
from pipeline.experiments.prune import importance_rows
from pipeline.experiments.universality import foreign_outcomes, next_seed, read_importance
from pipeline.measuring.head_orders import Ranking, pruned_predictions, random_rankings
from pipeline.values.store import write_csv

RATES = [0.0, 0.25, 0.5, 1.0]


@pytest.fixture
def settings(section):
    return section("prune", rates=RATES)


@pytest.mark.parametrize("token_budget", ["auto", 30])
def test_heads_leave_in_the_order_of_every_tasks_ranking(
    settings, tiny_model, random_examples, padded, without_heads, token_budget
):
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4, 6, 7], seed=3)
    generator = torch.Generator().manual_seed(0)
    importance = {task: torch.rand(2, 4, generator=generator) for task in ("rte", "mnli", "sst2")}
    found = foreign_outcomes(model, examples, importance, settings=settings, seed=1, token_budget=token_budget)
    table = pd.DataFrame(found)
    assert list(table) == ["ranking", "order", "rate", "n_masked", "example_id", "label", "predicted"]
    assert len(table) == (3 + 20) * 4 * 5
    assert list(dict.fromkeys(table["ranking"])) == [*importance, "random"]
    assert table[table["ranking"] == "random"]["order"].unique().tolist() == list(range(20))
    importance["random"] = random_rankings(torch.Size([2, 4]), count=1, seed=1)[0].importance
    table = table[table["order"] == 0]
    assert set(zip(table["rate"], table["n_masked"], strict=True)) == set(zip(RATES, [0, 2, 4, 8], strict=True))
    for task, values in importance.items():
        order = np.argsort(values.flatten().numpy())
        for count in (0, 2, 4, 8):
            keep = torch.ones(8)
            keep[order[:count].tolist()] = 0
            changed = without_heads(model, keep.view(2, 4))
            with torch.no_grad():
                logits = torch.cat([changed(**padded(model, [example])).logits for example in examples])
            found = table[(table["ranking"] == task) & (table["n_masked"] == count)]
            assert found["example_id"].tolist() == [example.example_id for example in examples]
            assert found["label"].tolist() == [example.label for example in examples]
            assert found["predicted"].tolist() == logits.argmax(dim=1).tolist()
    predicted = [tuple(rows["predicted"]) for _, rows in table.groupby("ranking")]
    assert len(set(predicted)) > 1


def test_the_own_ranking_from_a_file_prunes_as_in_the_pruning_experiment(
    settings, tiny_model, random_examples, tmp_path
):
    """Ten digits in a file are more than float32 has, so that equal importances stay equal, and go as there."""
    model, examples = tiny_model(seed=1), random_examples([6, 9, 4, 6, 7, 8], seed=1)
    importance = torch.rand(2, 4, generator=torch.Generator().manual_seed(0)) / 3
    importance[0, 1] = importance[1, 2] = importance[1, 0]
    ranking = Ranking("taylor", "none", 0, importance)
    write_csv(tmp_path / "importance.csv", importance_rows([ranking], task="rte", seed=1))
    read = read_importance(tmp_path / "importance.csv", method="taylor", normalise="none")
    assert torch.equal(read, importance)
    found = foreign_outcomes(model, examples, {"rte": read}, settings=settings, seed=4, token_budget="auto")
    orders = [ranking, *random_rankings(torch.Size([2, 4]), count=20, seed=4)]
    expected = pruned_predictions(model, examples, orders, settings=settings, seed=4, token_budget="auto")
    for name in ("rate", "n_masked", "example_id", "label", "predicted"):
        np.testing.assert_array_equal(found[name], expected[name])


def test_the_importance_read_is_that_of_one_method_and_normalisation(tmp_path):
    values = torch.arange(24.0).view(3, 2, 4)
    names = [("taylor", "none"), ("taylor", "layer_l2"), ("attention", "none")]
    orders = [Ranking(*name, 0, value) for name, value in zip(names, values, strict=True)]
    write_csv(tmp_path / "importance.csv", importance_rows(orders, task="rte", seed=1))
    for (method, how), value in zip(names, values, strict=True):
        assert torch.equal(read_importance(tmp_path / "importance.csv", method=method, normalise=how), value)


def test_an_importance_that_is_not_there_is_refused_in_one_line(tmp_path):
    path = tmp_path / "importance.csv"
    with pytest.raises(InputError, match=r"importance\.csv is missing; run: dvc repro prune$"):
        read_importance(path, method="taylor", normalise="none")
    write_csv(path, importance_rows([Ranking("taylor", "none", 0, torch.ones(2, 4))], task="rte", seed=1))
    for method, how in (("taylor", "layer_l2"), ("attention", "none")):
        with pytest.raises(InputError, match=rf"no {method} with normalise {how}; run: dvc repro prune$"):
            read_importance(path, method=method, normalise=how)


def test_the_next_seed_goes_round():
    assert [next_seed([3, 1, 7], seed) for seed in (1, 3, 7)] == [3, 7, 1]
    assert next_seed([2], 2) is None
