import pandas as pd
import pytest
import torch

from pipeline.experiments.effectiveness import outcomes, rankings
from pipeline.values.store import write_rows


def row(number, target, **columns):
    return {"split": "dev", "example_id": f"e-{number}", "target": target, **columns}


@pytest.fixture
def store(tmp_path):
    """A store of two dev examples, whose columns all differ, and a row of another split."""
    rows = []
    for number in range(2):
        for shift, target in ((0, "gold"), (100, "predicted")):
            values = {
                name: [float(1000 * place + 10 * number + shift + head) for head in range(8)]
                for place, name in enumerate(("attribution_max", "attention_max", "attention_confidence"), start=1)
            }
            rows.append(row(number, target, **values))
    rows.append({**rows[0], "split": "importance"})
    write_rows(tmp_path / "heads.parquet", rows)
    return tmp_path


@pytest.mark.parametrize(("pooling", "thousands"), [("max", 2000), ("confidence", 3000)])
def test_rankings_come_from_the_column_of_their_method(tiny_model, store, pooling, thousands):
    methods = ["attribution_gold", "attribution_predicted", "attention"]
    values = rankings(store, tiny_model(), methods=methods, pooling=pooling)
    heads = torch.arange(8.0).view(1, 2, 4) + torch.tensor([0.0, 10.0]).view(2, 1, 1)
    assert list(values) == methods
    assert torch.equal(values["attribution_gold"], 1000 + heads)
    assert torch.equal(values["attribution_predicted"], 1100 + heads)
    assert torch.equal(values["attention"], thousands + heads)


def test_only_the_methods_asked_for(tiny_model, store):
    assert list(rankings(store, tiny_model(), methods=["attention"], pooling="max")) == ["attention"]


@pytest.mark.parametrize("token_budget", ["auto", 30])
def test_curves_are_those_of_removing_heads_one_after_the_other(
    tiny_model, random_examples, padded, without_heads, token_budget
):
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4, 6, 7], seed=3)
    generator = torch.Generator().manual_seed(0)
    importance = {name: torch.rand(5, 2, 4, generator=generator) for name in ("a", "b")}
    importance["b"][0] = 0.5  # ties: by index
    table = pd.DataFrame(outcomes(model, examples, importance, token_budget=token_budget))
    assert list(table) == ["method", "direction", "k", "example_id", "label", "predicted"]
    cells = table.set_index(["method", "direction", "k", "example_id"])
    assert cells.index.is_unique
    assert len(cells) == 2 * 2 * 5 * 5
    right = set()
    for name in ("a", "b"):
        for direction in ("lowest_first", "highest_first"):
            for number, example in enumerate(examples):
                scores = importance[name][number].tolist()
                for k in range(5):
                    keep = torch.ones(2, 4)
                    for layer in range(2):
                        sign = 1 if direction == "lowest_first" else -1
                        order = sorted(range(4), key=lambda head, s=scores[layer], sign=sign: (sign * s[head], head))
                        keep[layer, order[:k]] = 0
                    with torch.no_grad():
                        logits = without_heads(model, keep)(**padded(model, [example])).logits
                    cell = cells.loc[(name, direction, k, example.example_id)]
                    assert cell.tolist() == [example.label, int(logits.argmax())], (name, direction, k, number)
                    right.add(bool(cell["label"] == cell["predicted"]))
    assert right == {True, False}


def test_without_and_with_all_heads_masked_the_ranking_does_not_matter(tiny_model, random_examples):
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4], seed=3)
    importance = {"a": torch.rand(3, 2, 4, generator=torch.Generator().manual_seed(1))}
    table = pd.DataFrame(outcomes(model, examples, importance, token_budget="auto"))
    for k in (0, 4):
        lowest, highest = (
            table.loc[(table["direction"] == direction) & (table["k"] == k), "predicted"].tolist()
            for direction in ("lowest_first", "highest_first")
        )
        assert lowest == highest
        assert len(lowest) == 3
