"""Bootstrap intervals of statistics that are no means: computed once from the data, then from every resample.

Arrays have `1 + draws` along their first axis: the statistic itself, then its resampled values. NaN marks a resample in
which a statistic is undefined (a constant has no correlation, a line needs two points).
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.intervals import DRAWS_AT_ONCE, Interval


def interval_of(values: NDArray[np.float64], *, level: float = 0.95) -> Interval | None:
    """A statistic with its percentile interval; `values` is `(1 + draws,)`.

    Resamples in which it is undefined are left out. None if it is undefined itself, or in every resample.
    """
    resampled = values[1:][~np.isnan(values[1:])]
    if np.isnan(values[0]) or len(resampled) == 0:
        return None
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value=float(values[0]), low=float(low), high=float(high))


def resampled_sums(values: NDArray[np.float64], *, draws: int, seed: int) -> NDArray[np.float64]:
    """Sums over examples, `(1 + draws, ...)` from `(example, ...)`: over all of them, then over each resample.

    A resample is the row of counts that says how often each example was drawn, so that a block of resamples is one
    matrix product.
    """
    n, flat = len(values), values.reshape(len(values), -1)
    generator, sums = np.random.default_rng(seed), [flat.sum(axis=0, keepdims=True)]
    for start in range(0, draws, DRAWS_AT_ONCE):
        counts = generator.multinomial(n, np.full(n, 1 / n), size=min(DRAWS_AT_ONCE, draws - start))
        sums.append(counts.astype(np.float64) @ flat)
    return np.concatenate(sums).reshape(-1, *values.shape[1:])


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """`above / below`, NaN where `below` is zero."""
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below != 0)
