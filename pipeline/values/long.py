"""Arrays over named axes as long tables, a row per cell, and back: how outcomes are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Axis = Sequence[Mapping[str, Any]]


def to_columns(axes: Sequence[Axis], **values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The columns of a long table: what each axis says of its places, then the `values`, in row-major order.

    Every place of an axis is a mapping with the same keys; the arrays have one dimension per axis.
    """
    shape = tuple(map(len, axes))
    columns: dict[str, NDArray[Any]] = {}
    for axis, places in zip(axes, np.indices(shape), strict=True):
        for key in axis[0] if axis else ():
            columns[key] = np.array([place[key] for place in axis])[places.ravel()]
    for name, array in values.items():
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, but the axes have {shape}")
        columns[name] = array.ravel()
    return columns


def to_array(table: pd.DataFrame, axes: Sequence[Sequence[str]], value: str) -> NDArray[Any]:
    """The array of column `value` of a long table, one dimension per group of columns in `axes`.

    Places stand in the order in which the table first names them, as `places_of` lists them.

    Raises:
        InputError: if a cell is missing or there twice.
    """
    codes = [table.groupby(list(axis), sort=False).ngroup().to_numpy() for axis in axes]
    shape = tuple(int(code.max()) + 1 if len(code) else 0 for code in codes)
    flat = np.ravel_multi_index(codes, shape) if len(table) else np.array([], np.int64)
    if len(table) != np.prod(shape) or len(np.unique(flat)) != len(table):
        raise InputError(
            f"the outcomes of {value} do not fill {' x '.join(map(str, shape))} cells: run the stage again"
        )
    result = np.empty(len(table), table[value].to_numpy().dtype)
    result[flat] = table[value].to_numpy()
    return result.reshape(shape)


def places_of(table: pd.DataFrame, axis: Sequence[str]) -> list[dict[str, Any]]:
    """The places of an axis, in the order of `to_array`."""
    distinct = table.loc[:, list(axis)].drop_duplicates()
    columns = (distinct[name].tolist() for name in axis)
    return [dict(zip(axis, place, strict=True)) for place in zip(*columns, strict=True)]
