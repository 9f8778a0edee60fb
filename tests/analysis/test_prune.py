import numpy as np
import pytest
from outcomes_by_hand import with_texts

from pipeline.analysis.prune import Order, curve_rows, facts
from pipeline.analysis.prune import measures as keyed_measures
from pipeline.analysis.statistics import Single, statistics

measures = with_texts(keyed_measures)


RATES = (0.0, 0.5, 1.0)


def order(method, normalise="none", number=0):
    return Order(method, normalise, number)


def hits(*rows):
    return np.array([[character == "1" for character in row] for row in rows])


def values(found):
    """The value of every measure."""
    return {
        name: one.value if isinstance(one, Single) else pytest.approx(float(one.values.mean()))
        for name, one in found.items()
    }


FULL, HALF, NONE = "1111111110", "1111100000", "1100000000"
ORDERS = [order("attribution"), order("taylor"), order("random", number=0), order("random", number=1)]
CORRECT = np.stack([hits(FULL, FULL, HALF), hits(FULL, HALF, HALF), hits(FULL, NONE, HALF), hits(FULL, HALF, HALF)])
LABELS = [0] * 7 + [1] * 3


def test_rows_by_hand():
    rows = curve_rows(ORDERS, CORRECT, counts=[0, 4, 8], rates=RATES, task="rte", seed=2)
    assert [(r["method"], r["order"], r["rate"], r["n_masked"], r["correct"]) for r in rows[3:9]] == [
        ("taylor", 0, 0.0, 0, 9),
        ("taylor", 0, 0.5, 4, 5),
        ("taylor", 0, 1.0, 8, 5),
        ("random", 0, 0.0, 0, 9),
        ("random", 0, 0.5, 4, 2),
        ("random", 0, 1.0, 8, 5),
    ]
    assert all(r["accuracy"] == r["correct"] / 10 and r["low"] < r["accuracy"] < r["high"] for r in rows)


def test_measures_by_hand():
    # Trapezoids of (0.9, 0.9, 0.5), (0.9, 0.5, 0.5), and of the random orders (0.9, 0.2, 0.5) and (0.9, 0.5, 0.5).
    assert values(measures(ORDERS, CORRECT, rates=RATES)) == {
        "auc/attribution/none": 80,
        "auc/taylor/none": 60,
        "auc/random/none": (45 + 60) / 2,
        "lead/taylor/none": 20,
        "lead/random/none": 80 - 52.5,
        "beaten/random": 0,
    }
    # Of the first example's curves all are right everywhere; the seventh is lost to Taylor at half of the heads.
    lead = measures(ORDERS, CORRECT, rates=RATES)["lead/taylor/none"].values
    assert lead.tolist() == [0, 0, 0, 0, 0, 50, 50, 50, 50, 0]


def test_a_random_order_that_does_as_well_beats_attribution():
    better, same, worse = hits(FULL, FULL, FULL), CORRECT[0], hits(FULL, NONE, NONE)
    orders = [order("attribution"), *(order("random", number=number) for number in range(4))]
    found = measures(orders, np.stack([same, better, same, worse, worse]), rates=RATES)
    assert found["beaten/random"].value == 0.5


def test_rankings_are_compared_with_attribution_of_the_same_normalisation():
    orders = [order("attribution"), order("attribution", "layer_l2"), order("taylor"), order("taylor", "layer_l2")]
    found = values(measures(orders, CORRECT, rates=RATES))
    leads = {name: value for name, value in found.items() if name.startswith("lead/")}
    assert leads == {"lead/taylor/none": 80 - 45, "lead/taylor/layer_l2": 60 - 60}


def test_the_papers_pair_is_attribution_undivided_and_the_released_codes_taylor_divided():
    orders = [order("attribution"), order("taylor_authors"), order("taylor_authors", "layer_l2")]
    found = measures(orders, CORRECT[:3], rates=RATES)
    assert values(found)["lead/paper"] == 80 - 45
    assert values(found)["lead/taylor_authors/none"] == 80 - 60
    assert "the paper's pair" in found["lead/paper"].label
    assert "lead/paper" not in measures(orders[:2], CORRECT[:2], rates=RATES)


def test_a_factor_is_attribution_changed_minus_unchanged():
    orders = [order("attribution"), order("factor/joint"), order("factor/sum")]
    found = measures(orders, CORRECT[[1, 0, 2]], rates=RATES)
    assert values(found) == {"auc/attribution/none": 60, "factor/joint": 20, "factor/sum": -15}
    assert "joint path" in found["factor/joint"].label


def test_without_attribution_there_is_nothing_to_compare():
    assert list(measures([order("taylor")], CORRECT[:1], rates=RATES)) == ["auc/taylor/none"]


def test_facts_by_hand():
    found = facts(ORDERS, CORRECT, labels=LABELS, rates=RATES)
    assert (found["n"], found["majority"], found["baseline_accuracy"]) == (10, 0.7, 0.9)
    assert [(one["method"], one["auc"], one["r_star"]) for one in found["rankings"]] == [
        ("attribution", pytest.approx(80), 0.5),
        ("taylor", pytest.approx(60), 0.0),
    ]
    # 0.9 over ten examples is not three standard errors above the majority class.
    assert [one["nauc"] for one in found["rankings"]] == [None, None]
    assert found["random"] == {"orders": 2, "lowest": pytest.approx(45), "highest": pytest.approx(60)}
    assert facts(ORDERS[:2], CORRECT[:2], labels=LABELS, rates=RATES)["random"] is None


def test_normalised_auc_where_the_model_is_clearly_better_than_the_majority():
    found = facts(ORDERS, np.repeat(CORRECT, 40, axis=2), labels=LABELS * 40, rates=RATES)
    nauc = {one["method"]: one["nauc"] for one in found["rankings"]}
    assert nauc == {
        "attribution": pytest.approx((0.8 - 0.7) / (0.9 - 0.7)),
        "taylor": pytest.approx((0.6 - 0.7) / (0.9 - 0.7)),
    }


def test_rankings_that_know_nothing_have_no_lead():
    """All orders by chance, attribution's too: leads near zero, and half of the random orders do as well."""
    generator = np.random.default_rng(0)
    orders = [order("attribution"), order("taylor"), *(order("random", number=number) for number in range(20))]
    rates = np.linspace(0, 1, 11).tolist()
    models = []
    for _ in range(40):
        # An example is lost when the first of its two heads is masked, of 16 heads that leave in random order.
        heads = generator.permuted(np.tile(np.arange(16), (len(orders), 1)), axis=1)
        needed = generator.integers(16, size=(2, 300))
        masked = np.round(16 * np.array(rates))[None, :, None]
        models.append(keyed_measures(orders, heads[:, needed].min(axis=1)[:, None] >= masked, rates=rates))
    found = {one.key.text: one.estimate for one in statistics("rte", models)}
    for name in ("lead/taylor/none", "lead/random/none"):
        assert abs(found[name].value) < 3 * found[name].error
    assert abs(found["beaten/random"].value - 0.5) < 3 * found["beaten/random"].error
