"""Agreement of head importance between models (docs/method.md, "Universality")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pipeline.analysis import foreign_pruning
from pipeline.analysis.estimates import MeanEstimate
from pipeline.analysis.outcomes import Findings, Model
from pipeline.analysis.quantities import Universality
from pipeline.analysis.statistics import Measure, Single, Statistic, statistics
from pipeline.errors import InputError
from pipeline.values.importance import read_importance

if TYPE_CHECKING:
    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params

SIMILAR = {"mnli", "rte"}  # the one pair of similar tasks by which claim P5 is judged
CONSTANT = "an importance is the same for all heads"

Heads = NDArray[np.float64]  # (layer, head)
Importance = Mapping[Model, Heads]


def analyse(outcomes: Outcomes, values: Params) -> Findings:
    """Importances of all tasks compared within each seed, those of a task between seeds, and foreign rankings."""
    settings = values.universality
    which = {"method": settings.method, "normalise": settings.normalise}
    importance = {model: read_importance(outcomes.root, *model, **which) for model in outcomes.models}
    heads = _shared_shape(importance)
    found = by_key(None, [agreements(one, tasks=len(outcomes.tasks)) for one in of_seeds(importance)])
    curves = []
    for task in outcomes.tasks:
        found += ceilings(task, [importance[model] for model in outcomes.of_task(task)])
        models = outcomes.of_task(task, stage="universality")
        measured = [foreign_pruning.read(outcomes.table("universality", model)) for model in models]
        for model, one in zip(models, measured, strict=True):
            curves += foreign_pruning.curve_rows(one, model=model)
        lost = [foreign_pruning.losses(one, task=task) for one in measured]
        found += by_key(task, lost, examples=[one.examples for one in measured])
    record = {"method": settings.method, "normalise": settings.normalise, "n_heads_total": heads}
    record["pairs"] = pair_records(importance)
    return Findings([record], found, {"importance": normalised_rows(importance), "functional": curves})


def of_seeds(importance: Importance) -> list[dict[str, Heads]]:
    """For every seed the importances of the tasks that have a model of it."""
    seeds = sorted({model.seed for model in importance}, key=[model.seed for model in importance].index)
    return [{model.task: values for model, values in importance.items() if model.seed == seed} for seed in seeds]


def by_key(
    task: str | None, models: Sequence[Mapping[Key, Measure]], *, examples: Sequence[Sequence[str]] | None = None
) -> list[Statistic]:
    """`statistics` of models of which each has what the other tasks and seeds of its run allow.

    A measure is estimated from those models that have it.
    """
    found = []
    for key in dict.fromkeys(key for measures in models for key in measures):
        having = [number for number, measures in enumerate(models) if key in measures]
        of_examples = [examples[number] for number in having] if examples else None
        found += statistics(task, [{key: models[number][key]} for number in having], examples=of_examples)
    return found


def normalised_rows(importance: Importance) -> list[dict[str, Any]]:
    """Importance divided by its maximum, one row per model, layer and head; layers and heads count from 0.

    Where no head has a positive importance it stays as it is: dividing would turn the order round.
    """
    return [
        {"task": model.task, "seed": model.seed, "layer": layer, "head": head, "importance": float(value)}
        for model, values in importance.items()
        for (layer, head), value in np.ndenumerate(values / values.max() if values.max() > 0 else values)
    ]


def agreements(importance: Mapping[str, Heads], *, tasks: int) -> dict[Key, Measure]:
    """How the importances of different tasks, of one seed, correlate over all heads; `tasks` is how many there are.

    - `similar-others`: Pearson's r of MNLI and RTE minus the mean of the other pairs; needs these and another task, and
      of a seed all tasks, as it would compare other pairs in one seed than in another
    - `similar-others/spearman`: the same of Spearman's
    - `agreement/<a>-<b>`: Pearson's r of a pair
    - `agreement/<a>-<b>/within_layers`: of what is left when each layer's mean is subtracted
    """
    pairs = list(combinations(importance, 2))
    found: dict[Key, Measure] = {}
    if any(set(pair) == SIMILAR for pair in pairs) and len(pairs) > 1 and len(importance) == tasks:
        kinds = (
            (Universality.SIMILAR, pearson, "Pearson's r"),
            (Universality.SIMILAR_BY_RANK, spearman, "Spearman's ρ"),
        )
        for quantity, correlate, name in kinds:
            values = {pair: correlate(*(importance[task] for task in pair)) for pair in pairs}
            label = f"{name} of MNLI and RTE minus the other pairs' mean"
            found[quantity.key()] = Single(
                label, "correlation", _similar_minus_others(values), CONSTANT, within=(-2, 2)
            )
    for a, b in pairs:
        x, y = importance[a], importance[b]
        found[Universality.AGREEMENT.key(task=a, other=b)] = Single(
            f"Pearson's r, {a} and {b}", "correlation", pearson(x, y), CONSTANT
        )
        label = f"Pearson's r within layers, {a} and {b}"
        found[Universality.AGREEMENT_WITHIN.key(task=a, other=b)] = Single(
            label, "correlation", within_layers(x, y), CONSTANT
        )
    return found


def ceilings(task: str, importance: Sequence[Heads]) -> list[Statistic]:
    """`ceiling/<task>`, also `within_layers`: mean correlation of a task's models, one importance per seed.

    A seed's own value is its mean correlation with the others. Two of these share a pair of seeds, so that they are no
    independent sample, and there is no interval. None of it with one seed.
    """
    if len(importance) < 2:
        return []
    result = []
    kinds = (
        (Universality.CEILING, pearson, ""),
        (Universality.CEILING_WITHIN, within_layers, " within layers"),
    )
    for quantity, correlate, where in kinds:
        values = [[correlate(a, b) for b in importance if b is not a] for a in importance]
        of_seeds = [None if None in row else float(np.mean([v for v in row if v is not None])) for row in values]
        there = [value for value in of_seeds if value is not None]
        undefined = len(there) < len(of_seeds)
        mean = None if undefined else MeanEstimate(float(np.mean(there)), None, len(there), None)
        why = CONSTANT if undefined else "none: pairs of seeds share models"
        label = f"Pearson's r{where}, two seeds of {task}"
        result.append(Statistic(None, quantity.key(task=task), label, "correlation", mean, tuple(of_seeds), why))
    return result


def pair_records(importance: Importance) -> list[dict[str, Any]]:
    """Pearson's and Spearman's r of every two models; None where an importance is the same for all heads."""
    return [
        {"a": a._asdict(), "b": b._asdict(), "same_task": a.task == b.task}
        | {"pearson": pearson(importance[a], importance[b]), "spearman": spearman(importance[a], importance[b])}
        for a, b in combinations(importance, 2)
    ]


def pearson(x: Heads, y: Heads) -> float | None:
    """Pearson's r over all heads; None where one of them is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:  # their standard deviation may be rounding, not zero
        return None
    return float(np.corrcoef(x.ravel(), y.ravel())[0, 1])


def spearman(x: Heads, y: Heads) -> float | None:
    """Spearman's r over all heads; None where one of them is constant."""
    return pearson(rankdata(x), rankdata(y))


def within_layers(x: Heads, y: Heads) -> float | None:
    """Pearson's r of the differences from each layer's mean; None where a model has none.

    Some layers matter more than others in any task; what is left is agreement about heads.
    """
    if not all(np.ptp(values, axis=1).any() for values in (x, y)):
        return None
    return pearson(x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True))


def _similar_minus_others(values: Mapping[tuple[str, str], float | None]) -> float | None:
    """The correlation of the similar pair minus the others' mean; None where one of them is undefined."""
    there = {pair: value for pair, value in values.items() if value is not None}
    if len(there) < len(values):
        return None
    others = [value for pair, value in there.items() if set(pair) != SIMILAR]
    return sum(value for pair, value in there.items() if set(pair) == SIMILAR) - float(np.mean(others))


def _shared_shape(importance: Importance) -> int:
    """How many heads every model has, in as many layers."""
    (first, values), *others = importance.items()
    for model, other in others:
        if other.shape != values.shape:
            raise InputError(
                f"{first.task}, seed {first.seed}, has {values.shape[0]} layers of {values.shape[1]} heads, but "
                f"{model.task}, seed {model.seed}, has {other.shape[0]} of {other.shape[1]}: universality compares "
                "models of one shape"
            )
    return values.size
