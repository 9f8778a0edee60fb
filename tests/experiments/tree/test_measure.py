"""The tree experiment on a tiny model: which edges each arm has, and what its masks do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.attattr import attribute
from pipeline.attattr.faithfulness import only, without
from pipeline.attattr.tree import AttributionTree, TreeEdge
from pipeline.experiments.tree.arms import (
    build,
    edges_per_layer,
    optimum,
    random_trees,
    rival_maps,
    rival_tree,
    top_edges,
)
from pipeline.experiments.tree.measure import edge_masked_probability, edge_rows, outcome_rows
from pipeline.predicting.examples import Example, collate

EXAMPLES = [
    Example("dev-0", [2, 11, 12, 13, 3, 14, 15, 3], [0] * 5 + [1] * 3, 1, [[1, 4], [5, 7]]),
    Example("dev-1", [2, 21, 22, 3], [0] * 4, 0, [[1, 3]]),
]


@pytest.fixture
def model(tiny_model: Callable[..., Any]) -> Any:
    return tiny_model(layers=3)


@pytest.fixture
def maps(model: Any) -> dict[str, Tensor]:
    found = {}
    for example in EXAMPLES:
        batch = collate([example], pad_id=0)
        result = attribute(
            model,
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            token_type_ids=batch.token_type_ids,
            target="predicted",
            steps=4,
        )
        found[example.example_id] = result.attribution[0].sum(dim=1).double()
    return found


def test_every_arm_is_there_and_as_large_as_the_tree(model: Any, maps: dict[str, Tensor], section: Callable[..., Any]):
    settings = section("tree", random_trees=5, tau_grid=[0.0, 0.5])
    rows = outcome_rows(model, EXAMPLES, maps, settings=settings, seed=1, token_budget=64)
    for example in EXAMPLES:
        own = [row for row in rows if row["example_id"] == example.example_id]
        arms = [row["arm"] for row in own]
        assert [(row["arm"], row["tau"]) for row in own[:3]] == [("tree", 0.0), ("tree", 0.4), ("tree", 0.5)]
        # All others belong to the tree at the settings' own threshold.
        assert {row["tau"] for row in own[3:]} == {0.4}
        assert arms.count("random") == 5
        single = ["attention", "gradient_x_attention", "value_weighted", "top_edges", "optimum"]
        assert arms[3:8] == single
        assert arms[8:14] == ["tree", *single]
        assert [row["open"] for row in own] == [False] * 8 + [True] * 6 + [False] * 6
        size = own[1]["edges"]
        for row in own[3:7] + own[14:19]:
            assert row["edges"] + row["missing"] == size
        assert len({row["full"] for row in own}) == 1
        # Without any edge removed nothing is lost, and with none kept the open rows are all there is.
        nothing = own[-1]
        assert nothing["arm"] == "nothing"
        assert nothing["without"] == pytest.approx(nothing["full"], abs=1e-6)


def test_the_probability_is_that_of_a_model_run_by_itself(model: Any, maps: dict[str, Tensor]):
    from pipeline.attattr.faithfulness import masked_edges

    example, batch = EXAMPLES[0], collate(EXAMPLES[:1], pad_id=0)
    tree = [TreeEdge(3, 1, 0, 0.1), TreeEdge(0, 3, 2, 0.1)]
    masks = torch.stack(
        [torch.ones(3, 8, 8, dtype=torch.bool), only(tree, layers=3, n=8), without(tree, layers=3, n=8)]
    )
    found = edge_masked_probability(model, batch, masks, token_budget=8)
    inputs = {
        "input_ids": batch.input_ids,
        "attention_mask": batch.attention_mask,
        "token_type_ids": batch.token_type_ids,
    }
    with torch.no_grad():
        whole = model(**inputs).logits.softmax(dim=-1)[0]
        for number in (1, 2):
            with masked_edges(model, masks[number : number + 1]):
                alone = model(**inputs).logits.softmax(dim=-1)[0, whole.argmax()]
            assert float(found[number]) == pytest.approx(float(alone), abs=1e-6)
    assert float(found[0]) == pytest.approx(float(whole.max()), abs=1e-6)
    assert len(example) == 8


def test_the_rivals_are_what_they_are_called(model: Any):
    batch = collate(EXAMPLES[:1], pad_id=0)
    found = rival_maps(model, batch)
    outputs = model.set_attn_implementation("eager") or model(
        input_ids=batch.input_ids, token_type_ids=batch.token_type_ids, output_attentions=True
    )
    attention = torch.stack(outputs.attentions)[:, 0].detach()
    torch.testing.assert_close(found["attention"], attention.sum(dim=1).double(), rtol=1e-4, atol=1e-5)
    layer = model.bert.encoder.layer[0].attention.self
    values = layer.value(model.bert.embeddings(batch.input_ids, batch.token_type_ids)).view(8, 4, 8).transpose(0, 1)
    expected = sum(attention[0, head] * values[head].norm(dim=1) for head in range(4))
    torch.testing.assert_close(found["value_weighted"][0], expected.detach().double(), rtol=1e-4, atol=1e-5)


def test_a_rival_tree_has_its_own_root_and_at_most_the_budget():
    scores = torch.rand(3, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    like = AttributionTree(2, (TreeEdge(2, 1, 1, 1.0), TreeEdge(2, 3, 0, 1.0), TreeEdge(0, 1, 2, 1.0)))
    tree = rival_tree(scores, like)
    assert edges_per_layer(tree.inner, layers=3) == [1, 1, 0]
    assert len([edge for edge in tree.edges if edge.query == 0]) == 3
    drawn = list(random_trees(like, "dev-0", layers=3, n=6, count=9, seed=1))
    assert [edges_per_layer(other.inner, layers=3) for other in drawn] == [[1, 1, 0]] * 9


def test_random_trees_belong_to_the_example_and_the_seed(
    model: Any, maps: dict[str, Tensor], section: Callable[..., Any]
):
    settings = section("tree", random_trees=5, tau_grid=[0.0])

    def random(examples: list[Example], seed: int) -> dict[str, list[tuple[float, float]]]:
        rows = outcome_rows(model, examples, maps, settings=settings, seed=seed, token_budget=64)
        return {
            example.example_id: [
                (row["only"], row["without"])
                for row in rows
                if row["example_id"] == example.example_id and row["arm"] == "random"
            ]
            for example in examples
        }

    both = random(EXAMPLES, 1)
    assert random(EXAMPLES[1:], 1) == {"dev-1": both["dev-1"]}
    assert random(EXAMPLES, 2)["dev-0"] != both["dev-0"]


def test_top_edges_are_the_largest_of_each_layer():
    scores = torch.arange(27, dtype=torch.float64).view(3, 3, 3)
    like = AttributionTree(1, (TreeEdge(1, 2, 0, 1.0), TreeEdge(0, 1, 2, 1.0), TreeEdge(0, 2, 2, 1.0)))
    assert [(edge.query, edge.key, edge.layer) for edge in top_edges(scores, like)] == [(2, 1, 0), (2, 1, 2), (2, 0, 2)]


def test_the_optimum_has_the_trees_root_and_is_no_worse(maps: dict[str, Tensor], section: Callable[..., Any]):
    settings = section("tree", tau=0.1)
    for values in maps.values():
        tree = build(values, settings)
        best = optimum(values, tree, settings)
        assert best.proven
        assert best.objective >= sum(edge.value for edge in tree.inner) - 1e-9


def test_edges_know_their_ends():
    tree = AttributionTree(1, (TreeEdge(1, 6, 1, 0.5), TreeEdge(6, 4, 0, 0.25), TreeEdge(0, 1, 2, 0.1)))
    rows = edge_rows(EXAMPLES[0], tree, layers=3)
    assert [(row["special"], row["cross"], row["terminal"]) for row in rows] == [
        (False, True, False),
        (True, True, False),
        (True, False, True),
    ]
    assert all(row["pair"] for row in rows)
    assert not any(
        row["pair"] for row in edge_rows(EXAMPLES[1], AttributionTree(1, (TreeEdge(1, 2, 0, 1.0),)), layers=3)
    )
