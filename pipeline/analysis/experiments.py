"""Every experiment that is analysed, by name. A further one is a line here, and a file beside this, or `means`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.analysis import (
    attribute,
    convergence,
    effectiveness,
    finetune,
    planted_paths,
    prune,
    receptive_field,
    shortcut,
    tree,
    triggers,
    truth,
    universality,
)
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.statistics import Mean, statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params


def means(stage: str, **columns: tuple[str, str]) -> Callable[[Outcomes, Params], Findings]:
    """The analysis of a stage that wrote one row per example: of each of `columns` the mean over examples and models.

    A column's value is what a reader is told of it, and its unit.
    """

    def analyse(outcomes: Outcomes, _values: Params) -> Findings:
        records, found = [], []
        for task in outcomes.tasks:
            measured, examples = [], []
            for model in outcomes.of_task(task):
                table = outcomes.table(stage, model)
                values = {name: table[name].to_numpy(np.float64) for name in columns}
                records.append(
                    model._asdict() | {"n": len(table)} | {name: float(v.mean()) for name, v in values.items()}
                )
                measured.append({name: Mean(*columns[name], values[name]) for name in columns})
                examples.append(table["example_id"].tolist())
            found += statistics(task, measured, examples=examples)
        return Findings(records, found)

    return analyse


ANALYSES: dict[str, Callable[[Outcomes, Params], Findings]] = {
    "finetune": finetune.analyse,
    "attribute": attribute.analyse,
    "effectiveness": effectiveness.analyse,
    "prune": prune.analyse,
    "universality": universality.analyse,
    "tree": tree.analyse,
    "receptive_field": receptive_field.analyse,
    "triggers": triggers.analyse,
    "convergence": convergence.analyse,
    "truth": truth.analyse,
    "planted_paths": planted_paths.analyse,
    "shortcut": shortcut.analyse,
}
