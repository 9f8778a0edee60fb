"""The tree experiment on a tiny model: which edges each arm has, and what its masks do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from attattr import attribute
from attattr.examples import Example, inputs_of
from attattr.scores import edge_scores
from attattr.tree import AttributionTree, TreeEdge
from pipeline.experiments.tree.arms import RIVALS
from pipeline.experiments.tree.measure import edge_rows, measure, rival_maps
from pipeline.values.edge_methods import EDGE_METHODS

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
        result = attribute(model, **inputs_of(model, [example]).arguments(), target="predicted", steps=4)
        found[example.example_id] = result.attribution[0].sum(dim=1).double()
    return found


def measured(model: Any, maps: dict[str, Tensor], settings: Any, *, seed: int = 1) -> Any:
    return measure(model, EXAMPLES, maps, settings=settings, seed=seed, token_budget=64)


def test_every_set_is_there_and_as_large_as_its_tree(model: Any, maps: dict[str, Tensor], section: Callable[..., Any]):
    settings = section("tree", random_trees=5, random_sets=2, tau_grid=[0.0, 0.5])
    rows = measured(model, maps, settings).outcomes
    single = [*RIVALS, "eligible_edges", "top_edges", "optimum", "nothing"]
    random = [("random", 0.0)] * 2 + [("random", 0.4)] * 5 + [("random", 0.5)] * 2
    trees = [("tree", tau) for tau in (0.0, 0.4, 0.5)]
    for example in EXAMPLES:
        own = [row for row in rows if row["example_id"] == example.example_id]
        closed = [row for row in own if not row["open"]]
        assert [(row["arm"], row["tau"]) for row in closed] == [*trees, *((name, 0.4) for name in single), *random]
        # Special rows are opened for the tree at the settings' own threshold and for all of its size but random trees.
        assert [(row["arm"], row["tau"]) for row in own if row["open"]] == [(name, 0.4) for name in ("tree", *single)]
        size = {row["tau"]: row["edges"] for row in closed if row["arm"] == "tree"}
        for row in closed:
            if row["arm"] not in ("optimum", "nothing"):
                assert row["edges"] + row["missing"] >= size[row["tau"]]
                assert row["edges"] <= size[row["tau"]]
            if row["arm"] in ("attention", "value_weighted", "eligible_edges", "top_edges", "random"):
                assert (row["edges"], row["missing"]) == (size[row["tau"]], 0)
        assert len({row["full"] for row in own}) == 1
        (nothing,) = (row for row in closed if row["arm"] == "nothing")
        assert nothing["without"] == pytest.approx(nothing["full"], abs=1e-6)
        assert nothing["edges"] == 0


def test_of_the_shares_the_last_is_the_same_for_every_map(
    model: Any, maps: dict[str, Tensor], section: Callable[..., Any]
):
    settings = section("tree", random_trees=2, random_sets=3, tau_grid=[0.4], edge_shares=[0.1, 1.0])
    rows = [row for row in measured(model, maps, settings).shares if row["example_id"] == "dev-0"]
    assert [row["share"] for row in rows] == [0.1, 1.0] * 10
    assert [row["map"] for row in rows[::2]] == ["attribution", *RIVALS, *["random"] * 3]
    assert len({round(row["only"], 6) for row in rows[1::2]}) == 1
    assert len({round(row["only"], 6) for row in rows[::2]}) > 1


def test_the_rivals_maps_are_edge_scores_of_the_predicted_class_summed_over_heads(model: Any):
    inputs = inputs_of(model, EXAMPLES[:1])
    predicted = int(model(**inputs.arguments()).logits.argmax())
    found = rival_maps(model, inputs)
    assert tuple(found) == RIVALS
    for name, values in found.items():
        score, output = EDGE_METHODS[name]
        given = {**inputs.arguments(), "target": predicted, "output": output}
        expected = edge_scores(model, score, **given)[0].sum(dim=1).double()
        torch.testing.assert_close(values, expected, rtol=1e-6, atol=1e-9)


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
