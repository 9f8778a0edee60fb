import numpy as np
import pandas as pd
import pytest
from outcomes_by_hand import with_texts

from pipeline.analysis.foreign_pruning import ForeignPruning, curve_rows, read
from pipeline.analysis.foreign_pruning import losses as keyed_losses
from pipeline.analysis.outcomes import Model
from pipeline.values.long import to_columns

losses = with_texts(keyed_losses)


RATES, COUNTS = (0.0, 0.5, 1.0), (0, 4, 8)
RANKINGS = ["mnli", "rte", "sst2", "same_task", "random", "random"]
LABELS = [0] * 7 + [1] * 3
IDS = [f"dev-{9 - number}" for number in range(10)]


def hits(*rows):
    return np.array([[character == "1" for character in row] for row in rows])


FULL, HALF, NONE = "1111111110", "1111100000", "1100000000"
# A model of RTE, pruned by each of RANKINGS.
CORRECT = np.stack([hits(FULL, middle, NONE) for middle in (HALF, FULL, NONE, FULL, NONE, HALF)])


def found(correct, *, rankings=RANKINGS):
    return ForeignPruning(rankings, RATES, COUNTS, IDS, correct)


def means(lost):
    return {name: pytest.approx(float(one.values.mean())) for name, one in lost.items()}


def test_outcomes_are_read_as_they_were_measured():
    """A prediction is right where it names the label, whichever class that is."""
    labels = np.array(LABELS)
    axes = (
        [{"ranking": name, "order": number} for name, number in zip(RANKINGS, (0, 0, 0, 0, 0, 1), strict=True)],
        [{"rate": rate, "n_masked": count} for rate, count in zip(RATES, COUNTS, strict=True)],
        [{"example_id": one, "label": label} for one, label in zip(IDS, LABELS, strict=True)],
    )
    table = pd.DataFrame(to_columns(axes, predicted=np.where(CORRECT, labels, 1 - labels)))
    measured = read(table)
    assert (measured.rankings, measured.rates, measured.counts) == (RANKINGS, list(RATES), list(COUNTS))
    assert measured.examples == IDS
    np.testing.assert_array_equal(measured.correct, CORRECT)


def test_curves_by_hand():
    rows = curve_rows(found(CORRECT), model=Model("rte", 3))
    assert [(row["ranking"], row["rate"], row["n_masked"], row["correct"]) for row in rows[:6]] == [
        ("mnli", 0.0, 0, 9),
        ("mnli", 0.5, 4, 5),
        ("mnli", 1.0, 8, 2),
        ("rte", 0.0, 0, 9),
        ("rte", 0.5, 4, 9),
        ("rte", 1.0, 8, 2),
    ]
    assert len(rows) == 6 * 3
    for row in rows:
        assert (row["task"], row["seed"], row["n"]) == ("rte", 3, 10)
        assert row["low"] < row["accuracy"] == row["correct"] / 10 < row["high"]


def test_what_is_lost_by_hand():
    # Trapezoids of (0.9, x, 0.2) over (0, 0.5, 1), x 0.9 by the own ranking, and 0.5, 0.2, 0.9, 0.2 and 0.5.
    lost = losses(found(CORRECT), task="rte")
    assert means(lost) == {
        "lost": (20 + 35) / 2,
        "lost/mnli": 20,
        "lost/sst2": 35,
        "lost/same_task": 0,
        "lost/random": (35 + 20) / 2,
    }
    assert lost["lost/mnli"].values.tolist() == [0, 0, 0, 0, 0, 50, 50, 50, 50, 0]


def test_an_equal_ranking_loses_nothing_and_one_task_has_nothing_to_lose():
    same = np.stack([CORRECT[0], CORRECT[0]])
    assert not losses(found(same, rankings=["rte", "mnli"]), task="rte")["lost"].values.any()
    assert losses(found(same[:1], rankings=["rte"]), task="rte") == {}
    assert list(losses(found(same, rankings=["rte", "random"]), task="rte")) == ["lost/random"]
