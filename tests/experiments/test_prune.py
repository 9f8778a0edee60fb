import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from attattr import attribute
from attattr.importance import output_norm
from pipeline.experiments.prune import head_importance, importance_rows, rankings, removal_differences
from pipeline.experiments.prune_factors import factor_rankings, rescored
from pipeline.measuring.head_orders import Ranking
from pipeline.values.store import write_rows

LENGTHS = [6, 9, 4, 6, 13]
METHODS = (
    "attribution",
    "taylor",
    "taylor_michel",
    "taylor_authors",
    "attention",
    "accuracy_difference",
    "loss_difference",
    "gradient_x_attention",
    "output_norm",
)


@pytest.fixture
def settings(section):
    def make(**changes):
        return section("prune", **{"methods": METHODS, "normalise": ["none"], "random_orders": 20, **changes})

    return make


@pytest.fixture
def store(tmp_path):
    """A store with the importance sample's rows; those of another split and target must not count."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for number in range(len(LENGTHS)):
        names = [f"attribution_{pooling}" for pooling in ("max", "sum", "positive", "absolute")]
        names += ["attention_max", "attention_confidence"]
        values = {name: torch.rand(8, generator=generator).tolist() for name in names}
        row = {"split": "importance", "example_id": f"e-{number}", "target": "gold", "n": LENGTHS[number]}
        rows.append(row | values)
    write_rows(
        tmp_path / "heads.parquet",
        [*rows, {**rows[0], "split": "dev"}, {**rows[0], "target": "predicted"}],
    )
    return tmp_path, rows


def column(rows, name):
    return torch.tensor([row[name] for row in rows]).mean(dim=0).view(2, 4)


def close(actual, expected):
    assert actual.shape == expected.shape == (2, 4)
    assert actual.dtype == torch.float32
    assert torch.allclose(actual.double(), expected.double(), rtol=0, atol=2e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("token_budget", ["auto", 1, 60])
def test_removal_differences_by_removing_each_head_from_the_weights(
    tiny_model, random_examples, padded, without_heads, token_budget
):
    model, examples = tiny_model(seed=3), random_examples([6, 9, 4, 6, 7, 8, 5, 12], seed=3)

    def measure(keep):
        changed = without_heads(model, keep)
        with torch.no_grad():
            logits = torch.cat([changed(**padded(model, [example])).logits for example in examples])
        labels = torch.tensor([example.label for example in examples])
        return float((logits.argmax(dim=1) == labels).float().mean()), float(cross_entropy(logits, labels))

    accuracy, loss = measure(torch.ones(2, 4))
    differences = removal_differences(model, examples, token_budget=token_budget)
    for layer in range(2):
        for head in range(4):
            keep = torch.ones(2, 4)
            keep[layer, head] = 0
            accuracy_without, loss_without = measure(keep)
            assert float(differences["accuracy_difference"][layer, head]) == pytest.approx(
                accuracy - accuracy_without, abs=1e-6
            )
            assert float(differences["loss_difference"][layer, head]) == pytest.approx(loss_without - loss, abs=1e-5)
    assert differences["accuracy_difference"].any()


@pytest.mark.parametrize("token_budget", ["auto", 1, 60])
def test_importance_by_every_method(settings, tiny_model, random_examples, padded, with_attention, store, token_budget):
    folder, rows = store
    model, examples = tiny_model(), random_examples(LENGTHS)
    found = head_importance(model, examples, folder, settings=settings(), token_budget=token_budget)
    assert tuple(found) == METHODS
    close(found["attribution"], column(rows, "attribution_max"))
    close(found["attention"], column(rows, "attention_max"))

    exact = {name: torch.zeros(2, 4, dtype=torch.double) for name in METHODS}
    for example in examples:
        logits, probs = with_attention(model, padded(model, [example]))
        label = torch.tensor([example.label])

        def terms(f, probs=probs):
            gradients = torch.autograd.grad(f, probs, retain_graph=True)
            return torch.cat([(p * g).detach() for p, g in zip(probs, gradients, strict=True)]).double()

        of_loss, of_logits = terms(cross_entropy(logits, label)), terms(logits.sum())
        exact["taylor"] += of_loss.sum(dim=(2, 3)).abs() / len(examples)
        exact["taylor_michel"] += of_loss.sum(dim=3).abs().sum(dim=2) / len(examples)
        exact["taylor_authors"] += of_logits.sum(dim=3).abs().sum(dim=2) / len(examples)
        of_output = terms(logits.softmax(dim=1)[0, example.label])
        exact["gradient_x_attention"] += of_output.amax(dim=(2, 3)) / len(examples)
        exact["output_norm"] += output_norm(model, **padded(model, [example]))[0] / len(examples)
    for name in ("taylor", "taylor_michel", "taylor_authors", "gradient_x_attention", "output_norm"):
        close(found[name], exact[name])
    differences = removal_differences(model, examples, token_budget="auto")
    for name, value in differences.items():
        assert torch.allclose(found[name], value, atol=1e-6)


@pytest.mark.parametrize("pooling", ["max", "confidence"])
def test_only_what_is_asked_for_is_computed(settings, tiny_model, random_examples, store, monkeypatch, pooling):
    folder, rows = store
    monkeypatch.setattr("pipeline.measuring.heads.masked_logits", lambda *_, **__: pytest.fail("not asked for"))
    monkeypatch.setattr("pipeline.measuring.heads.taylor_importance", lambda *_, **__: pytest.fail("not asked for"))
    chosen = settings(methods=("attention", "attribution", "random"), attention_pooling=pooling)
    found = head_importance(tiny_model(), random_examples(LENGTHS), folder, settings=chosen, token_budget="auto")
    assert list(found) == ["attention", "attribution"]
    close(found["attention"], column(rows, f"attention_{pooling}"))


def test_rankings_are_every_method_under_every_normalisation_and_random_orders_of_the_seed(settings):
    importance = {"taylor": torch.tensor([[3.0, 4.0], [0.0, 0.0]]), "attention": torch.tensor([[1.0, 0.0], [0.0, 2.0]])}
    chosen = settings(methods=("taylor", "attention", "random"), normalise=("none", "layer_l2"), random_orders=25)
    orders = rankings(importance, settings=chosen, seed=1)
    named = [(order.method, order.normalise, order.order) for order in orders]
    assert named == [
        ("taylor", "none", 0),
        ("taylor", "layer_l2", 0),
        ("attention", "none", 0),
        ("attention", "layer_l2", 0),
        *(("random", "none", number) for number in range(25)),
    ]
    assert torch.allclose(orders[1].importance, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    random = [order.importance for order in orders[4:]]
    assert all(sorted(value.flatten().tolist()) == [0, 1, 2, 3] for value in random)
    assert len({tuple(value.flatten().tolist()) for value in random}) > 10

    def again(seed):
        other = settings(methods=("taylor", "attention", "random"), random_orders=25)
        return torch.stack([order.importance for order in rankings(importance, settings=other, seed=seed)[2:]])

    assert torch.equal(again(1), torch.stack(random))
    assert not torch.equal(again(2), torch.stack(random))


def test_importance_rows_by_hand():
    orders = [
        Ranking("taylor", "none", 0, torch.tensor([[1.0, 2.0], [3.0, 4.0]])),
        Ranking("random", "none", 0, torch.zeros(2, 2)),
    ]
    rows = importance_rows(orders, task="rte", seed=3)
    assert [(row["layer"], row["head"], row["importance"]) for row in rows] == [
        (0, 0, 1.0),
        (0, 1, 2.0),
        (1, 0, 3.0),
        (1, 1, 4.0),
    ]
    shared = {"task": "rte", "seed": 3, "method": "taylor", "normalise": "none"}
    assert all(row.items() >= shared.items() for row in rows)
    assert not any(math.isnan(row["importance"]) for row in rows)


# One thing changed.

CHANGED = ["sum", "positive", "absolute", "joint", "left_20", "iterative"]


@pytest.fixture
def changed(settings, section, tiny_model, random_examples, store):
    """`changed(factors, **prune)`: importances by name, with the importance that they change, and the model."""

    def make(factors, **changes):
        model, examples = tiny_model(), random_examples(LENGTHS)
        chosen = settings(methods=["attribution"], factors=factors, rates=[0.0, 0.25, 0.5, 0.75, 1.0], **changes)
        plain = head_importance(model, examples, store[0], settings=chosen, token_budget="auto")["attribution"]
        found = factor_rankings(
            model,
            examples,
            store[0],
            plain=plain,
            settings=chosen,
            integral=section("attribute", steps=3, rule="gauss_legendre"),
            seed=1,
            token_budget="auto",
        )
        assert [(one.method, one.normalise, one.order) for one in found] == [
            (f"factor/{f}", "none", 0) for f in factors
        ]
        return {one.method.removeprefix("factor/"): one.importance for one in found}, plain, model, examples

    return make


def attributed(model, examples, padded, **integral):
    """Mean over examples, one by one, of every head's largest score for the gold label."""
    rows = [
        attribute(model, **padded(model, [one]), target=one.label, **integral).attribution.amax(dim=(0, 3, 4))
        for one in examples
    ]
    return torch.stack(rows).mean(dim=0)


def test_other_poolings_of_the_stored_scores(changed, store):
    found, *_ = changed(["sum", "positive", "absolute"])
    close(found["sum"], column(store[1], "attribution_sum"))
    close(found["positive"], column(store[1], "attribution_positive"))
    rows = [torch.tensor(row["attribution_absolute"]) / row["n"] ** 2 for row in store[1]]
    close(found["absolute"], torch.stack(rows).mean(dim=0).view(2, 4))


def test_other_integrals_keep_what_they_do_not_change(changed, padded):
    found, _, model, examples = changed(["joint", "left_20"])
    close(found["joint"], attributed(model, examples, padded, path="joint", steps=3, rule="gauss_legendre"))
    close(found["left_20"], attributed(model, examples, padded, steps=20, rule="left"))


def test_iterative_scores_what_is_left_after_every_rate(changed, padded, without_heads):
    """Step by step: the two lowest of the heads that are left, in a model without those that are gone."""
    found, plain, model, examples = changed(["iterative"])
    keep, left = torch.ones(8), []
    for _ in range(3):
        left.append(keep.clone())
        if keep.all():
            scores = plain
        else:
            without = without_heads(model, keep.view(2, 4))
            scores = attributed(without, examples, padded, steps=3, rule="gauss_legendre")
        keep[scores.flatten().masked_fill(keep == 0, torch.inf).argsort()[:2]] = 0
    expected = torch.stack([*left, keep, torch.zeros(8)]).sum(dim=0).view(2, 4)
    assert torch.equal(found["iterative"], expected)


def test_what_is_scored_anew_and_when():
    """A score that turns round once heads are gone; heads that are gone stay gone; nothing is scored in vain."""
    first, seen = torch.tensor([[1.0, 2.0, 3.0, 4.0]]), []

    def score(head_mask):
        seen.append(head_mask.flatten().tolist())
        return -first

    order = rescored(score, first, counts=[0, 0, 1, 1, 2, 4], seed=0)
    # Head 0 leaves by the first score, then head 3 by the second, and the others last.
    assert order.tolist() == [[2, 5, 5, 4]]
    assert seen == [[0, 1, 1, 1]]
