import json

import numpy as np
import pandas as pd
import pytest
from outcomes_by_hand import with_texts

from pipeline.analysis.receptive_field import SELECTIONS, distance_rows, growth, inner_edges
from pipeline.analysis.receptive_field import measures as keyed_measures
from pipeline.analysis.statistics import Single

measures = with_texts(keyed_measures)


def edge(example, layer, query, key, **facts):
    names = ("terminal", "special", "cross", "pair")
    return {"example_id": example, "layer": layer, "query": query, "key": key} | dict.fromkeys(names, False) | facts


def terminal(example, layer, key):
    return edge(example, layer, 0, key, terminal=True, special=True)


def table(*edges):
    return pd.DataFrame(edges)


def drawn(seed=0, *, examples=12, edges=120, layers=4, pair=True):
    """Random inner edges in all but the last of `layers`, and terminal ones in that."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(edges):
        example, (query, key) = f"e-{generator.integers(examples)}", generator.integers(20, size=2).tolist()
        facts = {"special": bool(generator.random() < 0.3), "cross": pair and bool(generator.random() < 0.4)}
        rows.append(edge(example, int(generator.integers(layers - 1)), query, key, pair=pair, **facts))
    return table(*rows, *(terminal(f"e-{number}", layers - 1, 19) for number in range(examples)))


def values_of(edges, *, pairs=True):
    """The measures of all inner edges, special tokens included."""
    inner = inner_edges(edges)
    found = measures(inner, examples=sorted({*inner.example}), pairs=pairs)
    return {name: one.value if isinstance(one, Single) else one.values.mean() for name, one in found.items()}


BY_HAND = table(
    edge("a", 0, 3, 8, pair=True, cross=True),
    edge("a", 0, 8, 7, pair=True),
    edge("a", 2, 1, 4, pair=True),
    edge("b", 0, 2, 0, pair=True, special=True),
    edge("b", 2, 9, 2, pair=True, cross=True, special=True),
    terminal("a", 3, 8),
    terminal("b", 3, 9),
)


def test_measures_by_hand():
    edges = inner_edges(BY_HAND)
    assert edges.layers == 3
    assert edges.distance.tolist() == [5, 1, 3, 2, 7]
    # Means 8/3 in layer 0 and 5 in layer 2, which is the last that can hold edges: the line gains all of it.
    expected = {"distance": 18 / 5, "growth": 5 - 8 / 3, "within": 3 / 5, "within_growth": 1 / 2 - 2 / 3}
    assert values_of(BY_HAND) == {name: pytest.approx(value) for name, value in expected.items()}
    # All edges without a special token are of one example, which is no sample: the value is known alone.
    plain = measures(edges.where(~edges.special), examples=["a"], pairs=True)
    assert all(isinstance(one, Single) for one in plain.values())
    assert plain["growth"].value == 0


def test_rows_by_hand():
    rows = distance_rows(inner_edges(BY_HAND), task="rte", seed=2, n=2)
    assert [(row["special_tokens"], row["layer"], row["edges"]) for row in rows] == [
        ("without", 0, 2),
        ("without", 1, 0),
        ("without", 2, 1),
        ("with", 0, 3),
        ("with", 1, 0),
        ("with", 2, 2),
    ]
    assert all((row["task"], row["seed"], row["n"]) == ("rte", 2, 2) for row in rows)
    first, empty = rows[0], rows[1]
    assert [first[key] for key in ("mean", "q25", "median", "q75", "max", "within")] == [3, 2, 3, 4, 5, 0.5]
    names = ("mean", "q05", "q25", "median", "q75", "q95", "max", "within")
    assert list(empty)[6:] == list(names)
    assert all(empty[key] is None for key in names)


def test_a_tree_without_terminal_edges_has_a_further_layer():
    assert inner_edges(BY_HAND[~BY_HAND["terminal"]]).layers == inner_edges(BY_HAND).layers == 3


def test_quantiles_means_and_shares_are_those_of_the_edges():
    edges = drawn()
    rows = distance_rows(inner_edges(edges), task="rte", seed=1, n=12)
    assert [row["special_tokens"] for row in rows] == [name for name in SELECTIONS for _ in range(3)]
    for row in rows:
        chosen = edges[(edges["layer"] == row["layer"]) & ~edges["terminal"]]
        if row["special_tokens"] == "without":
            chosen = chosen[~chosen["special"]]
        distance = (chosen["query"] - chosen["key"]).abs()
        assert row["edges"] == len(chosen)
        assert row["mean"] == pytest.approx(distance.mean())
        assert row["within"] == pytest.approx(1 - chosen["cross"].mean())
        for key, level in (("q05", 0.05), ("median", 0.5), ("q95", 0.95), ("max", 1)):
            assert row[key] == pytest.approx(distance.quantile(level))


def test_the_growth_is_the_line_through_the_edges_and_through_the_weighted_layers():
    edges = drawn(seed=3, layers=6)
    found, chosen = values_of(edges), edges[~edges["terminal"]]
    values = {"growth": (chosen["query"] - chosen["key"]).abs(), "within_growth": 1.0 - chosen["cross"]}
    for name, value in values.items():
        line = np.poly1d(np.polyfit(chosen["layer"], value, 1))
        means = value.groupby(chosen["layer"]).agg(["mean", "size"])
        by_layer = np.poly1d(np.polyfit(means.index, means["mean"], 1, w=np.sqrt(means["size"])))
        assert found[name] == pytest.approx(line(4) - line(0)) == pytest.approx(by_layer(4) - by_layer(0))


def test_the_direction_of_edges_and_the_order_of_rows_do_not_matter():
    edges = drawn(seed=2)
    turned = edges.assign(query=edges["key"], key=edges["query"])
    assert values_of(turned) == values_of(edges)
    shuffled = edges.sample(frac=1, random_state=0)
    assert values_of(shuffled) == {name: pytest.approx(value) for name, value in values_of(edges).items()}


def test_longer_by_a_constant_grows_the_same_and_twice_as_long_twice_as_much():
    edges = drawn()
    far = edges.assign(query=np.maximum(edges["query"], edges["key"]), key=np.minimum(edges["query"], edges["key"]))
    base = values_of(far)
    longer = values_of(far.assign(query=far["query"] + 5))
    doubled = values_of(far.assign(query=2 * far["query"], key=2 * far["key"]))
    assert longer["growth"] == pytest.approx(base["growth"])
    assert longer["distance"] == pytest.approx(base["distance"] + 5)
    assert doubled["growth"] == pytest.approx(2 * base["growth"])


def test_single_sentences_have_no_share_within_one():
    edges = drawn(pair=False)
    assert set(values_of(edges, pairs=False)) == {"distance", "growth"}
    assert all(row["within"] is None for row in distance_rows(inner_edges(edges), task="sst2", seed=1, n=12))


def test_only_pairs_count_for_the_share():
    single = table(edge("c", 0, 1, 2), edge("c", 2, 4, 9))
    mixed = pd.concat([BY_HAND, single])
    assert values_of(mixed)["within"] == pytest.approx(3 / 5)
    assert len(inner_edges(mixed).layer) == 7


def test_no_growth_with_edges_in_fewer_than_two_layers():
    one_layer = table(edge("a", 1, 3, 8), edge("b", 1, 3, 5), terminal("a", 3, 8))
    assert values_of(one_layer, pairs=False) == {"distance": 3.5, "growth": None}
    only_terminal = table(terminal("a", 3, 8), terminal("b", 3, 1))
    assert values_of(only_terminal) == dict.fromkeys(("distance", "growth", "within", "within_growth"))
    rows = distance_rows(inner_edges(only_terminal), task="rte", seed=1, n=2)
    assert [row["edges"] for row in rows] == 6 * [0]
    json.dumps(rows, allow_nan=False)


def test_without_any_edge_there_is_nothing_to_measure():
    # A table without rows has no columns either.
    edges = inner_edges(pd.DataFrame())
    assert measures(edges, examples=[], pairs=False)["distance"].value is None
    rows = distance_rows(edges, task="rte", seed=1, n=0)
    assert [(row["special_tokens"], row["layer"], row["edges"], row["mean"]) for row in rows] == [
        ("without", 0, 0, None),
        ("with", 0, 0, None),
    ]


def test_an_exactly_flat_field_does_not_grow():
    """Sums of fractions end beside zero, by rounding alone; claim P7 asks whether growth lies above it."""
    for seed in range(300):
        generator = np.random.default_rng(seed)
        count, layers = int(generator.integers(2, 400)), int(generator.integers(2, 13))
        # Edges in the first two layers, whatever is drawn.
        layer = np.concatenate([[0, 1], generator.integers(layers, size=count - 2)])
        value = np.full(count, float(generator.integers(1, 60)))
        sums = np.array([one.sum() for one in (np.ones(count), layer, value, layer**2, layer * value)], np.float64)
        assert growth(sums, layers) == 0


def test_examples_vary_as_the_jackknife_says():
    """A slope's pseudo-values, example by example, by leaving each out."""
    edges = drawn(seed=4, examples=9)
    inner = inner_edges(edges)
    names = sorted({*inner.example})
    found, whole = measures(inner, examples=names, pairs=True), values_of(edges)
    for name in ("distance", "growth", "within", "within_growth"):
        without = np.array([values_of(edges[edges["example_id"] != one])[name] for one in names])
        pseudo = len(names) * whole[name] - (len(names) - 1) * without
        assert found[name].values.std(ddof=1) == pytest.approx(pseudo.std(ddof=1))
    # The mean of ratios and slopes, not of examples with few edges and many alike.
    chosen = edges[~edges["terminal"]]
    assert whole["distance"] == pytest.approx((chosen["query"] - chosen["key"]).abs().mean())


def test_random_trees_grow_as_often_as_they_shrink():
    """Edges between random tokens, of any length in any layer: no growth on average."""
    found = np.array([values_of(drawn(seed, pair=False), pairs=False)["growth"] for seed in range(200)])
    assert abs(found.mean()) < 3 * found.std(ddof=1) / np.sqrt(len(found))
