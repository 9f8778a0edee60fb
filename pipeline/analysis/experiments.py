"""Every experiment that is analysed, by name. A further one is a file beside this and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.analysis.outcomes import Findings, Outcomes
    from pipeline.values.schema import Params

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
