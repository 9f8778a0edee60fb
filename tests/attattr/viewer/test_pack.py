"""What is packed comes out again, as exactly as is said, and is as small as is said."""

import base64
import json
import math
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from attattr.viewer.pack import LEVELS, packed, rounded, strongest_edges
from attattr.viewer.view import Share


def inflated(text):
    return zlib.decompress(base64.b64decode(text))


def unpacked(maps, levels, *, n):
    """As the page does it: whole numbers times the scale of their map, over the levels."""
    scale = np.array(maps["scale"])
    whole = np.frombuffer(inflated(maps["bytes"]), dtype=np.int8).reshape(*scale.shape, n, n)
    return torch.tensor(whole * (scale / levels)[:, :, None, None])


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def random_views(made_view):
    """`random_views(count, attribution, attention)`: with maps of 12 layers and heads, 40 tokens, made of noise."""

    def make(count, attribution, attention):
        shape = (12, 12, 40, 40)
        return [
            made_view(attribution(noise(*shape, seed=seed)), attention(noise(*shape, seed=1000 + seed)))
            for seed in range(count)
        ]

    return make


@pytest.mark.parametrize("most_bytes", [4_000, 2_500, 2_000_000])
def test_values_are_off_by_at_most_half_a_step(made_view, most_bytes):
    attribution, attention = noise(3, 4, 15, 15) ** 3, (3 * noise(3, 4, 15, 15, seed=1)).softmax(dim=-1)
    attribution[1, 2] = 0
    attribution[2, 0] *= 1e-9
    (example,) = packed([made_view(attribution, attention)], most_bytes=most_bytes)
    levels = example["levels"]
    of_class = example["explanations"][0]["maps"]
    with_sum = torch.cat([attribution, attribution.sum(dim=1, keepdim=True)], dim=1)
    for maps, packed_maps in ((attention, example["attention"]), (with_sum, of_class)):
        step = maps.double().abs().amax(dim=(2, 3), keepdim=True) / levels
        error = (unpacked(packed_maps, levels, n=15) - maps).abs()
        # The scale itself has four digits.
        assert bool((error <= step / 2 * (1 + 1e-3)).all())
    assert (levels == LEVELS[0]) == (most_bytes == 2_000_000)


@pytest.mark.parametrize(
    "attention",
    [lambda x: x.softmax(dim=-1), lambda x: (x / 20).softmax(dim=-1), lambda x: (4 * x).softmax(dim=-1)],
    ids=["plain", "nearly uniform", "sharp"],
)
def test_fifty_examples_fit(random_views, attention):
    # A tenth of them, in a tenth of the room.
    examples = packed(random_views(5, lambda x: x**5, attention), most_bytes=190_000)
    assert len(json.dumps(examples)) <= 190_000
    assert len({example["levels"] for example in examples}) == 1


def test_as_many_levels_as_fit(made_view):
    view = made_view(noise(4, 4, 20, 20))
    sizes = {}
    for most in range(4_000, 14_000, 500):
        examples = packed([view], most_bytes=most)
        sizes[examples[0]["levels"]] = size = len(json.dumps(examples))
        assert size <= most or examples[0]["levels"] == LEVELS[-1]
        finer = [other for levels, other in sizes.items() if levels > examples[0]["levels"]]
        assert all(other > most for other in finer)
    assert len(sizes) > 5


def test_numbers_that_are_none_are_valid_json(made_view):
    view = made_view(noise(2, 2, 5, 5), probabilities=[math.nan, math.inf], trees=True)
    one = view.explanations[0]
    share = Share(math.nan, 0.1, 0.2, (0.1, math.nan), math.inf, 0.3)
    one = replace(one, estimated_error=[math.nan] * 2, value=math.nan, shares=(share,) * len(one.trees))
    (example,) = packed([replace(view, explanations=(one,))])

    def refuse(name):
        raise AssertionError(name)

    example = json.loads(json.dumps(example), parse_constant=refuse)
    details = json.loads(inflated(example["explanations"][0]["details"]), parse_constant=refuse)
    assert example["probabilities"] == [None, None]
    assert example["gold"] is None
    assert details["convergence"]["error"] == [None, None]
    assert (details["value"], details["shares"]["full"], details["shares"]["none"]) == (None, None, 0.1)


def test_maps_that_are_minus_anothers_are_not_packed_again(made_view):
    view = made_view(noise(2, 2, 5, 5), classes=["yes", "no", "perhaps"], probabilities=[0.75, 0.125, 0.125])
    (one,) = view.explanations
    others = [
        replace(one, target=1, attribution=-one.attribution),
        replace(one, target=2, attribution=noise(2, 2, 5, 5)),
    ]
    others[1].attribution[0, 0, 0, 0] += 1
    (example,) = packed([replace(view, explanations=(one, *others))])
    maps = [part["maps"] for part in example["explanations"]]
    assert maps[1] == {"minus": 0}
    assert maps[0].keys() == maps[2].keys() == {"scale", "bytes"}


def test_trees_are_packed_once_each(made_view):
    view = made_view(noise(3, 2, 8, 8), trees=True)
    (example,) = packed([view])
    details = json.loads(inflated(example["explanations"][0]["details"]))
    trees = view.explanations[0].trees
    assert details["root"] == trees[0].root
    assert len(details["at"]) == 100
    for place, tree in zip(details["at"], trees, strict=True):
        edges = [[edge.query, edge.key, edge.layer, pytest.approx(edge.value, rel=1e-3)] for edge in tree.edges]
        assert details["trees"][place] == edges
    assert len({json.dumps(edges) for edges in details["trees"]}) == len(details["trees"])


@pytest.mark.parametrize("count", [1, 7, 30, 5_000])
def test_the_strongest_edges(count):
    attribution = noise(3, 2, 10, 10).mul(4).round().div(4)  # with many ties
    every = [
        (layer, head, query, key) for layer in range(3) for head in range(2) for query in range(10) for key in range(10)
    ]
    every.sort(key=lambda edge: -abs(float(attribution[edge])))  # stable: ties in order
    expected = [[*edge, float(attribution[edge])] for edge in every[:count]]
    assert strongest_edges(attribution, count) == expected


def test_an_example_knows_its_strongest_head(made_view):
    attribution = noise(3, 2, 6, 6)
    attribution[1, 1, 2, 3] = -50
    (example,) = packed([made_view(attribution)])
    assert example["top"] == [1, 1]
    assert (example["layers"], example["heads"]) == (3, 2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.123456, 0.1235), (-123456.0, -123500.0), (1e-30, 1e-30), (math.nan, None), (-math.inf, None)],
)
def test_numbers_are_rounded(value, expected):
    assert rounded(value) == expected


def test_nothing_to_show():
    assert packed([]) == []


@pytest.mark.parametrize("probability", [0.97649, 0.123451, 0.88349, 0.50049, 0.99949])
def test_a_rounded_probability_is_what_the_sentence_says(made_view, probability):
    view = made_view(noise(2, 2, 3, 3), noise(2, 2, 3, 3).softmax(dim=-1))
    (example,) = packed([replace(view, probabilities=(probability, 1 - probability))])
    assert f"{example['probabilities'][0]:.3f}" == f"{probability:.3f}"
