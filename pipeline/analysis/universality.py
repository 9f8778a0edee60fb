"""Correlations of head importance between models (docs/method.md, "Universality")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from pipeline.analysis import foreign_pruning
from pipeline.analysis.outcomes import Findings, Model
from pipeline.analysis.resamples import interval_of, ratio
from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

SIMILAR = {"mnli", "rte"}  # the one pair of similar tasks by which claim P5 is judged


Importance = Mapping[Model, NDArray[np.float64]]  # (layer, head) each


@dataclass(frozen=True)
class Correlation:
    """A correlation over all heads: `values` is `(1 + draws,)`, its value and then its resamples.

    `layers_alone` is what it would be on average with the heads of each layer shuffled among themselves: the part that
    is due to some layers being more important than others, whichever their heads.
    """

    values: NDArray[np.float64]
    layers_alone: float

    def metrics(self) -> dict[str, float] | None:
        """Value, interval and `layers_alone`; None where one of the importances is constant."""
        interval = interval_of(self.values)
        return {**vars(interval), "layers_alone": self.layers_alone} if interval else None


@dataclass(frozen=True)
class Pair:
    """Two models, and how the importances of their heads correlate."""

    a: Model
    b: Model
    pearson: Correlation
    spearman: Correlation

    @property
    def same_task(self) -> bool:
        """Whether the two differ by their seed alone."""
        return self.a.task == self.b.task


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """Every two models' importances correlated, and what pruning by another task's costs."""
    settings, draws = values.universality, {"draws": values.analyse.bootstrap_draws, "seed": values.analyse.seed}
    importance = {
        model: importance_of(outcomes.importance(model), method=settings.method, normalise=settings.normalise)
        for model in outcomes.models
    }
    pairs = correlated_pairs(importance, **draws)
    curves, functional = [], []
    for model in outcomes.models:
        foreign = foreign_pruning.read(outcomes.table("universality", model))
        curves += foreign_pruning.curve_rows(foreign, model=model)
        functional += foreign_pruning.functional_metrics(foreign, model=model, **draws)
    record = summary(pairs) | {
        "method": settings.method,
        "normalise": settings.normalise,
        "n_heads_total": next(iter(importance.values())).size,
        "functional": functional,
    }
    return Findings([record], tables={"importance": normalised_rows(importance), "functional": curves})


def importance_of(table: pd.DataFrame, *, method: str, normalise: str) -> NDArray[np.float64]:
    """Importance `(layer, head)` by one method, from the table that `prune` wrote for one model.

    Raises:
        InputError: if `prune` did not compute this method with this normalisation.
    """
    chosen = (table["method"] == method) & (table["normalise"] == normalise)
    heads = table.loc[chosen].pivot(index="layer", columns="head", values="importance")
    if heads.empty:
        task, seed = table["task"].iloc[0], table["seed"].iloc[0]
        raise InputError(
            f"universality compares {method} with normalise {normalise}, which prune has not computed for {task}, "
            f"seed {seed}; run: dvc repro prune"
        )
    return heads.to_numpy(np.float64)


def normalised_rows(importance: Importance) -> list[dict[str, Any]]:
    """Importance divided by its maximum, one row per model, layer and head; layers and heads count from 0.

    Where no head has a positive importance it stays as it is: dividing would turn the order round.
    """
    return [
        {"task": model.task, "seed": model.seed, "layer": layer, "head": head, "importance": float(value)}
        for model, values in importance.items()
        for (layer, head), value in np.ndenumerate(values / values.max() if values.max() > 0 else values)
    ]


def correlated_pairs(importance: Importance, *, draws: int, seed: int) -> list[Pair]:
    """Every two models, with Pearson's and Spearman's r over all heads and over `draws` resamples of the heads.

    The resamples are the same for all pairs, so that differences between pairs are paired.

    Raises:
        InputError: if two models differ in their number of layers or heads: their heads are not the same ones.
    """
    if len(importance) < 2:
        return []
    layers, heads = _shared_shape(importance)
    picks = np.random.default_rng(seed).integers(layers * heads, size=(draws, layers * heads))
    picks = np.concatenate([np.arange(layers * heads)[None], picks])
    drawn = {model: values.ravel()[picks] for model, values in importance.items()}
    scores = {model: _unit(values) for model, values in drawn.items()}
    ranks = {model: _unit(rankdata(values, axis=1)) for model, values in drawn.items()}
    return [
        Pair(a, b, *(_correlation(units[a], units[b], layers=layers) for units in (scores, ranks)))
        for a, b in combinations(importance, 2)
    ]


def summary(pairs: Sequence[Pair]) -> dict[str, Any]:
    """All pairs, and by how much similar tasks agree better than others; what is undefined is None."""
    return {
        "pairs": [
            {"a": pair.a._asdict(), "b": pair.b._asdict(), "same_task": pair.same_task}
            | {"pearson": pair.pearson.metrics(), "spearman": pair.spearman.metrics()}
            for pair in pairs
        ],
        "similar_minus_others": similar_minus_others(pairs, kind="pearson"),
        "similar_minus_others_spearman": similar_minus_others(pairs, kind="spearman"),
    }


def similar_minus_others(pairs: Sequence[Pair], *, kind: Literal["pearson", "spearman"]) -> dict[str, float] | None:
    """Claim P5: the correlation of MNLI and RTE minus the mean of the other pairs of different tasks, over all seeds.

    Pairs with a constant importance are left out. None without MNLI and RTE, or without another pair.
    """
    found: dict[bool, list[NDArray[np.float64]]] = {True: [], False: []}
    for pair in pairs:
        values = getattr(pair, kind).values
        if not pair.same_task and not np.isnan(values[0]):
            found[{pair.a.task, pair.b.task} == SIMILAR].append(values)
    if not all(found.values()):
        return None
    interval = interval_of(np.mean(found[True], axis=0) - np.mean(found[False], axis=0))
    return vars(interval) if interval else None


def _shared_shape(importance: Importance) -> tuple[int, int]:
    """The layers, and heads per layer, that every model has."""
    (first, values), *others = importance.items()
    for model, other in others:
        if other.shape != values.shape:
            raise InputError(
                f"{first.task}, seed {first.seed}, has {values.shape[0]} layers of {values.shape[1]} heads, but "
                f"{model.task}, seed {model.seed}, has {other.shape[0]} of {other.shape[1]}: universality compares "
                "models of one shape"
            )
    return values.shape[0], values.shape[1]


def _unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows centred and of length 1, so that the product of two is their correlation; NaN where a row is constant."""
    centred = values - values.mean(axis=1, keepdims=True)
    varies = np.ptp(values, axis=1, keepdims=True) > 0  # a constant row's length may be rounding, not zero
    return ratio(centred, np.where(varies, np.linalg.norm(centred, axis=1, keepdims=True), 0))


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64], *, layers: int) -> Correlation:
    """Of two models' units; the first row holds all heads, layer by layer."""
    # Shuffled within its layer, a head contributes the product of the layer's means on average.
    x_means, y_means = (units[0].reshape(layers, -1).mean(axis=1) for units in (x, y))
    return Correlation((x * y).sum(axis=1).clip(-1, 1), float(x.shape[1] / layers * x_means @ y_means))
