"""Comparisons of things of which neither is better, drawn from the outcomes of a kept run.

A model is drawn at random from the run's, what is compared is drawn at random within it, and the examples are drawn
anew, the same for all models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.curves import auc
from pipeline.analysis.estimates import Estimate
from pipeline.analysis.keys import Key
from pipeline.analysis.outcomes import Model, Outcomes, correctness
from pipeline.analysis.prune import CURVE
from pipeline.analysis.statistics import Mean, Measure, Ratio, statistics
from pipeline.analysis.trigger_answers import of_triggers, read_answers
from pipeline.values.task_table import read_task_table

# A measure of one model on the examples whose numbers are given, which draws what it compares.
Compare = Callable[[NDArray[np.int64], np.random.Generator], Measure]
IT = Key("exchangeable", "it", {})  # the one statistic of a draw
Source = tuple[Compare, int]  # with how many examples it has


def read(outcomes: Outcomes, of_model: Callable[[Outcomes, Model], Source]) -> dict[str, list[Source]]:
    """By task, what every model of the run offers to be compared."""
    return {task: [of_model(outcomes, model) for model in outcomes.of_task(task)] for task in outcomes.tasks}


def estimate(models: dict[str, list[Source]], count: int, n: int, generator: np.random.Generator) -> Estimate | None:
    """The comparison's mean over `count` models of a task and `n` examples."""
    sources = models[str(generator.choice([*models]))]
    picks = generator.integers(min(size for _, size in sources), size=n)
    chosen = [sources[number][0] for number in generator.integers(len(sources), size=count)]
    (found,) = statistics(None, [{IT: compare(picks, generator)} for compare in chosen])
    return found.estimate


def two_orders(outcomes: Outcomes, model: Model) -> Source:
    """AUC of one random order of heads minus that of another."""
    areas = _areas(outcomes, model)

    def compare(picks: NDArray[np.int64], generator: np.random.Generator) -> Measure:
        first, second = generator.permutation(len(areas))[:2]
        return Mean("", "points", areas[first, picks] - areas[second, picks])

    return compare, areas.shape[1]


def order_and_others(outcomes: Outcomes, model: Model) -> Source:
    """AUC of one random order of heads minus the mean of the others."""
    areas = _areas(outcomes, model)

    def compare(picks: NDArray[np.int64], generator: np.random.Generator) -> Measure:
        first, *others = generator.permutation(len(areas))
        return Mean("", "points", areas[first, picks] - areas[others][:, picks].mean(axis=0))

    return compare, areas.shape[1]


def two_halves(outcomes: Outcomes, model: Model) -> Source:
    """Foreign drop of a random half of the random triggers minus that of the other half."""
    rows, table = outcomes.rows("triggers", model, name="triggers"), outcomes.table("triggers", model)
    answers = read_answers(rows, table.loc[table["sample"] == "dev"], classes=read_task_table()[model.task].labels)
    chosen = [number for number, row in enumerate(rows) if row["kind"] == "random"]
    lost, foreign = answers.lost[chosen], answers.foreign[chosen]

    def compare(picks: NDArray[np.int64], generator: np.random.Generator) -> Measure:
        order = generator.permutation(len(chosen))
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        drops = [of_triggers(lost[half][:, picks], foreign[half][:, picks]) for half in halves]
        return Mean("", "points", 100 * (drops[0] - drops[1]))

    return compare, lost.shape[1]


def tree_and_others(outcomes: Outcomes, model: Model) -> Source:
    """Recovered share of one random tree per example minus the mean of the others."""
    rows = outcomes.rows("tree", model)
    tau = next(row["tau"] for row in rows if row["arm"] == "nothing")
    only = np.array([*_by_example(row for row in rows if row["arm"] == "random" and row["tau"] == tau).values()])
    carried = np.array([row["full"] - row["only"] for row in rows if row["arm"] == "nothing" and not row["open"]])

    def compare(picks: NDArray[np.int64], generator: np.random.Generator) -> Measure:
        chosen = generator.integers(only.shape[1], size=len(only))
        one = only[np.arange(len(only)), chosen]
        others = (only.sum(axis=1) - one) / (only.shape[1] - 1)
        return Ratio("", "share", (one - others)[picks], carried[picks])

    return compare, len(only)


def _areas(outcomes: Outcomes, model: Model) -> NDArray[np.float64]:
    """AUC of every random order and example, in points."""
    table = outcomes.table("prune", model)
    axes = (CURVE, ("rate", "n_masked"), ("example_id", "label"))
    (_, steps, _), correct = correctness(table.loc[table["method"] == "random"], axes)
    return 100 * auc([step["rate"] for step in steps], correct.transpose(0, 2, 1))


def _by_example(rows: Iterable[Any]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["example_id"], []).append(row["only"])
    return found
