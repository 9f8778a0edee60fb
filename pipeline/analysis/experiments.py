"""Every experiment that is analysed, by name. A further one is a line here, and a file beside this, or `means`."""

from __future__ import annotations

from dataclasses import dataclass
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
from pipeline.analysis.keys import Quantity
from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import QUANTITIES
from pipeline.analysis.statistics import Mean, statistics
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.analysis.outcomes import Outcomes
    from pipeline.values.schema import Params


@dataclass(frozen=True)
class Means:
    """The analysis of a `stage` that wrote one row per example: of `columns` the means over examples and models.

    A column's value is what a reader is told of it, and its unit.
    """

    stage: str
    columns: Mapping[str, tuple[str, str]]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """One for each column."""
        return tuple(Quantity(self.stage, name) for name in self.columns)

    def __call__(self, outcomes: Outcomes, _values: Params) -> Findings:
        """The means of every model, and of every task over its models."""
        records, found = [], []
        for task in outcomes.tasks:
            measured, examples = [], []
            for model in outcomes.of_task(task):
                table = outcomes.table(self.stage, model)
                values = {name: table[name].to_numpy(np.float64) for name in self.columns}
                records.append(
                    model._asdict() | {"n": len(table)} | {name: float(v.mean()) for name, v in values.items()}
                )
                measured.append({one.key(): Mean(*self.columns[one.form], values[one.form]) for one in self.quantities})
                examples.append(table["example_id"].tolist())
            found += statistics(task, measured, examples=examples)
        return Findings(records, found)


def means(stage: str, **columns: tuple[str, str]) -> Means:
    """The analysis of a stage that wrote one row per example: `means("stage", column=("its label", "unit"))`."""
    return Means(stage, columns)


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


def quantities_of(experiment: str) -> tuple[Quantity, ...]:
    """All that an experiment can make statistics of; none of one that makes none.

    Raises:
        InputError: if there is no such experiment.
    """
    if experiment not in ANALYSES:
        raise InputError(f"there is no experiment {experiment}; known are {', '.join(ANALYSES)}")
    analyse = ANALYSES[experiment]
    return analyse.quantities if isinstance(analyse, Means) else QUANTITIES.get(experiment, ())
