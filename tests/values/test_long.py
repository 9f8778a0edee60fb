"""Long tables and the arrays they stand for are one another's inverse."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.values.long import places_of, to_array, to_columns
from pipeline.values.store import write_columns

NAMES = (("method", "order"), ("rate",), ("example_id", "label"))


def axes_of(shape: tuple[int, ...]) -> list[list[dict[str, Any]]]:
    """Places of up to three axes, none of them in sorted order; no column of an axis names a place by itself."""
    made: list[list[dict[str, Any]]] = [
        [{"method": "ba"[n % 2], "order": n // 2} for n in range(shape[0])],
        [{"rate": 1 - n / 8} for n in range(shape[1])] if len(shape) > 1 else [],
        [{"example_id": f"e-{9 - n}", "label": n % 2} for n in range(shape[2])] if len(shape) > 2 else [],
    ]
    return made[: len(shape)]


def table_of(shape: tuple[int, ...], values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(to_columns(axes_of(shape), value=values))


shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


@settings(deadline=None, max_examples=60)
@given(shape=shapes, seed=st.integers(0, 9))
def test_an_array_comes_back_with_its_places(shape, seed):
    values = np.random.default_rng(seed).integers(-3, 3, shape).astype(np.int16)
    table, names = table_of(shape, values), NAMES[: len(shape)]
    assert len(table) == values.size
    found = to_array(table, names, "value")
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.int16
    assert [places_of(table, axis) for axis in names] == axes_of(shape)


@settings(deadline=None, max_examples=60)
@given(shape=shapes, seed=st.integers(0, 9))
def test_in_any_order_of_rows_every_cell_stays_at_its_places(shape, seed):
    values = np.random.default_rng(seed).random(shape)
    names = NAMES[: len(shape)]
    shuffled = table_of(shape, values).sample(frac=1, random_state=seed)
    found, places = to_array(shuffled, names, "value"), [places_of(shuffled, axis) for axis in names]
    # Places stand in the order in which the rows first name them.
    for axis, of_axis in zip(names, places, strict=True):
        in_rows = [tuple(row) for row in shuffled.loc[:, list(axis)].itertuples(index=False)]
        assert [tuple(place.values()) for place in of_axis] == list(dict.fromkeys(in_rows))
    at = [[axis.index(place) for place in of_axis] for axis, of_axis in zip(axes_of(shape), places, strict=True)]
    np.testing.assert_array_equal(found, values[np.ix_(*at)])


@settings(deadline=None, max_examples=40)
@given(shape=shapes.filter(lambda shape: np.prod(shape) > 1 and len(shape) > 1), data=st.data())
def test_a_missing_and_a_doubled_cell_are_refused(shape, data):
    table, names = table_of(shape, np.zeros(shape)), NAMES[: len(shape)]
    number = data.draw(st.integers(0, len(table) - 1))
    one = table.iloc[[number]]
    doubled = pd.concat([table, one])
    with pytest.raises(InputError, match=r"the outcomes of value do not fill .* cells: run the stage again"):
        to_array(doubled, names, "value")
    without = table.drop(index=number)
    smaller = [len(places_of(without, axis)) for axis in names]
    if np.prod(smaller) != len(without):  # a line of the array may have consisted of that cell alone
        for broken in (without, pd.concat([without, without.iloc[[0]]])):
            with pytest.raises(InputError, match="the outcomes of value do not fill"):
                to_array(broken, names, "value")


def test_the_refusal_says_how_many_cells_there_should_be():
    table = table_of((2, 3), np.zeros((2, 3)))
    with pytest.raises(InputError) as refused:
        to_array(table.iloc[:-1], NAMES[:2], "value")
    assert str(refused.value) == "the outcomes of value do not fill 2 x 3 cells: run the stage again"


def test_columns_by_hand():
    columns = to_columns(
        [[{"k": 0}, {"k": 1}], [{"id": "b", "label": 1}, {"id": "a", "label": 0}]],
        predicted=np.array([[1, 0], [0, 2]]),
        correct=np.array([[True, True], [False, False]]),
    )
    assert {name: values.tolist() for name, values in columns.items()} == {
        "k": [0, 0, 1, 1],
        "id": ["b", "a", "b", "a"],
        "label": [1, 0, 1, 0],
        "predicted": [1, 0, 0, 2],
        "correct": [True, True, False, False],
    }


def test_values_of_another_shape_than_the_axes_are_refused():
    with pytest.raises(ValueError, match=r"predicted has shape \(3, 2\), but the axes have \(2, 3\)"):
        to_columns(axes_of((2, 3)), predicted=np.zeros((3, 2)))


def test_a_table_comes_back_from_its_file(tmp_path):
    values = np.arange(24).reshape(2, 3, 4)
    write_columns(tmp_path / "x.parquet", to_columns(axes_of((2, 3, 4)), value=values))
    table = pd.read_parquet(tmp_path / "x.parquet")
    np.testing.assert_array_equal(to_array(table, NAMES, "value"), values)
    assert [places_of(table, axis) for axis in NAMES] == axes_of((2, 3, 4))
