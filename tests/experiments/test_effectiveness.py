"""Heads ranked per example by every method, against plain computation; curves against removing heads from weights."""

from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

from pipeline.errors import InputError
from pipeline.experiments.effectiveness import head_importance, outcomes, rankings
from pipeline.values.store import write_rows

LENGTHS = [6, 9, 4, 6, 13]


@pytest.fixture
def settings(section):
    def make(*methods):
        return section("effectiveness", **({"methods": methods} if methods else {}))

    return make


@pytest.fixture
def store(tmp_path):
    """A store of five dev examples in another order, whose columns all differ, and a row of another split."""
    rows, columns = [], ("attribution_max", "attention_max", "attention_confidence", "attribution_sum")
    for number in (4, 2, 0, 1, 3):
        for shift, target in ((0, "gold"), (100, "predicted")):
            values = {
                name: [float(1000 * place + 10 * number + shift + head) for head in range(8)]
                for place, name in enumerate(columns, start=1)
            }
            rows.append({"split": "dev", "example_id": f"e-{number}", "target": target, **values})
    rows.append({**rows[0], "split": "importance"})
    write_rows(tmp_path / "heads.parquet", rows)
    return tmp_path


def test_what_is_stored_comes_from_the_column_of_the_method_example_by_example(
    settings, tiny_model, random_examples, store
):
    examples = [random_examples(LENGTHS)[number] for number in (1, 3)]
    stored = ("attribution_gold", "attribution_predicted", "attention_max", "attention_confidence")
    chosen = settings(*stored, "attribution_predicted_sum")
    values = head_importance(tiny_model(), examples, store, settings=chosen, token_budget="auto")
    heads = torch.arange(8.0).view(1, 2, 4) + torch.tensor([10.0, 30.0]).view(2, 1, 1)
    assert list(values) == list(chosen.methods)
    assert torch.equal(values["attribution_gold"], 1000 + heads)
    assert torch.equal(values["attribution_predicted"], 1100 + heads)
    assert torch.equal(values["attribution_predicted_sum"], 4100 + heads)
    assert torch.equal(values["attention_max"] % 1000, 100 + heads)
    assert torch.equal(values["attention_confidence"], values["attention_max"] + 1000)


def test_an_example_that_was_not_attributed_is_named(settings, tiny_model, random_examples, store):
    with pytest.raises(InputError, match="lacks dev example e-5: run attribute again"):
        head_importance(
            tiny_model(), random_examples([*LENGTHS, 5]), store, settings=settings("attention_max"), token_budget="auto"
        )


@pytest.mark.parametrize("token_budget", ["auto", 1, 60])
def test_rivals_are_those_of_the_predicted_class(
    settings, tiny_model, random_examples, padded, with_attention, without_heads, store, token_budget
):
    model, examples = tiny_model(seed=3), random_examples(LENGTHS, seed=3)
    found = head_importance(model, examples, store, settings=settings(), token_budget=token_budget)
    assert list(found) == list(settings().methods)
    assert {tuple(value.shape) for value in found.values()} == {(5, 2, 4)}
    wrong = 0
    for number, example in enumerate(examples):
        inputs = padded(model, [example])
        logits, probs = with_attention(model, inputs)
        predicted = logits.argmax(dim=1)
        wrong += int(predicted) != example.label

        def terms(f, probs=probs):
            gradients = torch.autograd.grad(f, probs, retain_graph=True)
            return torch.cat([(p * g).detach() for p, g in zip(probs, gradients, strict=True)]).double()

        loss = cross_entropy(logits, predicted)
        exact = {
            "taylor": terms(loss).sum(dim=(2, 3)).abs(),
            "gradient_x_attention": terms(logits.softmax(dim=1)[0, int(predicted)]).amax(dim=(2, 3)),
            "loss_difference": torch.zeros(2, 4, dtype=torch.double),
        }
        for layer in range(2):
            for head in range(4):
                keep = torch.ones(2, 4)
                keep[layer, head] = 0
                with torch.no_grad():
                    without = cross_entropy(without_heads(model, keep)(**inputs).logits, predicted)
                exact["loss_difference"][layer, head] = float(without - loss.detach())
        for name, values in exact.items():
            close = {"rtol": 0, "atol": 2e-5 * float(values.abs().max())}
            assert torch.allclose(found[name][number].double(), values, **close), (name, number)
    assert wrong


def test_only_the_gold_labels_attribution_knows_the_gold_label(settings, tiny_model, random_examples, store):
    model, examples = tiny_model(seed=3), random_examples(LENGTHS, seed=3)
    others = [replace(example, label=(example.label + 1) % 3) for example in examples]
    first, second = (
        head_importance(model, sample, store, settings=settings(), token_budget="auto") for sample in (examples, others)
    )
    for method, values in first.items():
        assert torch.equal(values, second[method]), method


def test_only_what_is_asked_for_is_computed(settings, tiny_model, random_examples, store, monkeypatch):
    for name in ("attribute", "masked_logits", "taylor_importance"):
        monkeypatch.setattr(f"pipeline.measuring.heads.{name}", lambda *_, **__: pytest.fail("not asked for"))
    chosen = settings("random", "attention_max")
    found = head_importance(tiny_model(), random_examples(LENGTHS), store, settings=chosen, token_budget="auto")
    assert list(found) == ["random", "attention_max"]


def test_ranks_are_by_importance_and_ties_by_seed_method_and_example(random_examples):
    examples = random_examples([5] * 400)
    importance = {
        "attention_max": torch.rand(400, 2, 4, generator=torch.Generator().manual_seed(0)),
        "taylor": torch.zeros(400, 2, 4),
        "random": torch.zeros(400, 2, 4),
    }
    ranked = rankings(importance, examples, seed=1)
    assert torch.equal(ranked["attention_max"].argsort(-1), importance["attention_max"].argsort(-1))
    again, other = (rankings(importance, examples, seed=seed) for seed in (1, 2))
    assert all(torch.equal(again[method], ranked[method]) for method in importance)
    # Of 24 orders of 4 heads 1 in 24 agrees by chance: between seeds, methods, examples and layers.
    for a, b in [
        (ranked["random"], other["random"]),
        (ranked["random"], ranked["taylor"]),
        (ranked["random"], ranked["random"].roll(1, dims=0)),
        (ranked["random"], ranked["random"].flip(1)),
    ]:
        assert (a == b).all(dim=-1).float().mean() < 0.1
    orders = Counter(map(tuple, ranked["random"].flatten(0, 1).tolist()))
    assert len(orders) == 24
    # 800 orders, each 33 times, give or take five standard deviations.
    assert max(orders.values()) < 33 + 5 * 33**0.5
    # A sample's ranks are those of the whole.
    part = rankings({"random": torch.zeros(3, 2, 4)}, examples[7:10], seed=1)
    assert torch.equal(part["random"], ranked["random"][7:10])


@pytest.mark.parametrize("token_budget", ["auto", 30])
def test_curves_are_those_of_removing_heads_one_after_the_other(
    tiny_model, random_examples, padded, without_heads, token_budget
):
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4, 6, 7], seed=3)
    generator = torch.Generator().manual_seed(0)
    importance = {name: torch.rand(5, 2, 4, generator=generator) for name in ("a", "b")}
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
                        order = sorted(range(4), key=lambda head, s=scores[layer], sign=sign: sign * s[head])
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
