"""Made-up runs whose truth is known, drawn from the models and examples of a kept one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from pipeline.analysis.estimates import mean_squares
from pipeline.analysis.statistics import Least, MeanOfThese, Measure, Ratio, Single

RARE = 0.03  # share of the examples that change, where the truth does not say it

Pool = Sequence[Measure]  # of every model of a task, the same measure
# The measures of so many models on so many examples, whose true value is given, from a pool.
World = Callable[..., list[Measure]]


def as_in_run(
    pool: Pool, truth: float, *, count: int, n: int, generator: np.random.Generator, failing: float = 0.0
) -> list[Measure]:
    """`count` models measured on the same `n` examples, whose true value is `truth`.

    Examples are drawn from the pool's, each value from a random model of it; what models have in common on all examples
    varies as normal, by the pool's variance component. So skewed and rare effects stay what they are. A share `failing`
    of the models lies five standard deviations of the values lower; only of means.
    """
    first = pool[0]
    if isinstance(first, Single):
        values = np.array([one.value for one in pool if isinstance(one, Single) and one.value is not None])
        spread = values.std(ddof=1) / np.sqrt(_typical(len(values)))
        drawn = truth + spread * generator.normal(size=count)
        return [replace(first, value=float(value)) for value in drawn]
    if isinstance(first, Ratio):
        above, below = _stacked(pool, "above"), _stacked(pool, "below")
        share = above.mean() / below.mean()
        spread = between_models((above - share * below) / below.mean()) * abs(below.mean())
        at = _places(above.shape, count=count, n=n, generator=generator)
        drawn = above[at] + (truth - share) * below[at] + spread * generator.normal(size=(count, 1)), below[at]
        return [replace(first, above=a, below=b) for a, b in zip(*drawn, strict=True)]
    values = _stacked(pool, "values")
    at = _places(values.shape, count=count, n=n, generator=generator)
    effects = between_models(values) * generator.normal(size=(count, 1))
    effects -= 5 * values.std() * (generator.random((count, 1)) < failing)
    return [replace(first, values=row) for row in values[at] - values.mean() + truth + _about(first, effects)]


def rare(pool: Pool, truth: float, *, count: int, n: int, generator: np.random.Generator) -> list[Measure]:
    """The same, where few examples change, and all others are alike; mostly the same ones in all models.

    With a step they change by a whole one, as many as `truth` says, or as many up as down where it is 0. Without one
    they change by so much that the truth comes out. What has no value per example is as in the run.
    """
    first = pool[0]
    if isinstance(first, Single):
        return as_in_run(pool, truth, count=count, n=n, generator=generator)
    if isinstance(first, Ratio):
        changed = _changed(RARE, count=count, n=n, generator=generator)
        size = first.step or 10.0
        return [replace(first, above=truth + size * (row - RARE), below=np.ones(n)) for row in changed]
    if first.step and truth:
        changed = _changed(min(1.0, abs(truth) / first.step), count=count, n=n, generator=generator)
        return [replace(first, values=np.sign(truth) * first.step * row) for row in changed]
    changed = _changed(RARE, count=count, n=n, generator=generator)
    if first.step:
        sign = generator.choice([-1.0, 1.0], size=n)
        return [replace(first, values=first.step * row * sign) for row in changed]
    return [replace(first, values=truth + row - RARE) for row in changed]


def unlike(pool: Pool, truth: float, *, count: int, n: int, generator: np.random.Generator) -> list[Measure]:
    """The same for what is asked of these very models, of which one in three fails altogether.

    What is asked of models in general is as in the run: a few models cannot show that so many others fail.
    """
    failing = 1 / 3 if isinstance(pool[0], MeanOfThese | Least) else 0.0
    return as_in_run(pool, truth, count=count, n=n, generator=generator, failing=failing)


def between_models(values: NDArray[np.float64]) -> float:
    """Standard deviation of what a model adds on all examples, by the median-unbiased estimate of its square.

    The usual estimate is too small in most runs of three models, and often 0.
    """
    of_models, _, rest = mean_squares(values)
    return float(np.sqrt(max(0.0, (of_models / _typical(len(values)) - rest) / values.shape[1])))


def _typical(models: int) -> float:
    """The median of a mean square between so many models whose expectation is 1."""
    return float(chdtri(models - 1, 0.5)) / (models - 1)


def _about(measure: Measure, effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """What models add, so that the truth is that of what the measure asks: of these very ones, or of any."""
    if isinstance(measure, Least):
        return effects - effects.min()
    return effects - effects.mean() if isinstance(measure, MeanOfThese) else effects


def _changed(share: float, *, count: int, n: int, generator: np.random.Generator) -> NDArray[np.float64]:
    own, common = generator.random((count, n)) < share, generator.random(n) < share
    return np.where(generator.random((count, n)) < 0.8, common, own).astype(np.float64)


def _stacked(pool: Pool, name: str) -> NDArray[np.float64]:
    return np.stack([getattr(one, name) for one in pool])


def _places(
    shape: tuple[int, ...], *, count: int, n: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return generator.integers(shape[0], size=(count, n)), generator.integers(shape[1], size=n)
