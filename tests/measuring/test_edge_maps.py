"""Maps of edges by several methods: which scores they are, and at which level."""

import numpy as np
import pytest
import torch

from attattr import attribute, gradient_x_attention
from attattr.examples import inputs_of
from pipeline.measuring.edge_maps import edge_maps, scores_at
from pipeline.values.edge_methods import EDGE_METHODS


@pytest.fixture(scope="module")
def case(tiny_model, random_examples):
    model = tiny_model(layers=3).double()
    return model, inputs_of(model, random_examples([6]))


def test_attribution_is_of_the_probability_and_of_the_margin_and_the_gradient_of_the_margin(case):
    model, inputs = case
    for target in ("predicted", 2):
        maps = edge_maps(model, inputs, EDGE_METHODS, target=target)
        assert list(maps) == list(EDGE_METHODS)
        given = {**inputs.arguments(), "target": target}
        for name, expected in {
            "attribution": attribute(model, **given),
            "attribution_margin": attribute(model, **given, output="margin"),
            "joint": attribute(model, **given, path="joint"),
            "gradient_x_attention": gradient_x_attention(model, **given, output="margin"),
        }.items():
            torch.testing.assert_close(maps[name], expected.attribution[0])


def test_pairs_are_sums_over_heads_and_edges_leave_out_what_heads_have_together(case):
    model, inputs = case
    maps = edge_maps(model, inputs, EDGE_METHODS)
    pairs, edges = (scores_at(maps, level=level, seed=1, name="e") for level in ("pairs", "edges"))
    assert list(pairs) == [*EDGE_METHODS, "random"]
    assert {*pairs} - {*edges} == {"contribution"}
    for method in {*edges} - {"random"}:
        assert edges[method].shape == (3, 4, 6, 6)
        np.testing.assert_allclose(pairs[method], edges[method].sum(axis=1, keepdims=True), atol=1e-12)
    np.testing.assert_array_equal(pairs["contribution"], maps["contribution"].numpy())


def test_random_scores_are_drawn_for_seed_and_example():
    maps = {"attention": torch.zeros(2, 4, 5, 5)}

    def drawn(**changes):
        return scores_at(maps, **{"level": "edges", "seed": 1, "name": "e", **changes})["random"]

    np.testing.assert_array_equal(drawn(), drawn())
    for changes in ({"seed": 2}, {"name": "f"}):
        assert not np.array_equal(drawn(), drawn(**changes))
    assert drawn(level="pairs").shape == (2, 1, 5, 5)
