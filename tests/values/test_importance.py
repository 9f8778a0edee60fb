"""Reading the importance of heads that `prune` wrote."""

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.values.importance import read_importance
from pipeline.values.store import write_csv

NAMES = [("taylor", "none"), ("taylor", "layer_l2"), ("attention", "none")]
VALUES = np.arange(36.0).reshape(3, 3, 4)  # (name, layer, head)
ROWS = [
    {"task": "rte", "seed": 1, "method": method, "normalise": how}
    | {"layer": layer, "head": head, "importance": float(VALUES[number, layer, head])}
    for number, (method, how) in enumerate(NAMES)
    for layer in range(3)
    for head in range(4)
]


@pytest.fixture
def written(tmp_path):
    """`written(rows)`: the root below which these are rte's, seed 1."""

    def write(rows):
        write_csv(tmp_path / "outputs/prune/rte-1/importance.csv", rows)
        return tmp_path

    return write


@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1]], ids=["as written", "in another order"])
def test_it_is_that_of_one_method_and_normalisation_by_layer_and_head(written, rows):
    root = written(rows)
    for (method, how), values in zip(NAMES, VALUES, strict=True):
        read = read_importance(root, "rte", 1, method=method, normalise=how)
        assert read.dtype == np.float64
        np.testing.assert_array_equal(read, values)


def test_a_missing_file_is_one_line_that_names_the_stage(tmp_path):
    with pytest.raises(InputError, match=r"outputs/prune/rte-2/importance\.csv is missing; run: dvc repro prune$"):
        read_importance(tmp_path, "rte", 2, method="taylor", normalise="none")


@pytest.mark.parametrize(("method", "how"), [("attention", "layer_l2"), ("random", "none")])
def test_what_was_not_computed_is_named_with_what_was(written, method, how):
    there = "it has taylor, attention, with none, layer_l2; run: dvc repro prune$"
    with pytest.raises(InputError, match=rf"has no {method} with normalise {how}: {there}"):
        read_importance(written(ROWS), "rte", 1, method=method, normalise=how)
