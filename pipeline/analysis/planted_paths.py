"""Statistics of models whose carrying edges are known by construction (docs/method.md, "Planted paths")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.analysis.outcomes import Findings
from pipeline.analysis.quantities import PlantedPaths
from pipeline.analysis.statistics import Measure, Ratio, statistics
from pipeline.analysis.truth import beside, by_method
from pipeline.values.models import has
from pipeline.values.paths import planted_paths_folder
from pipeline.values.present import present
from pipeline.values.store import read_json, read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.analysis.keys import Key
    from pipeline.analysis.outcomes import Outcomes, Record
    from pipeline.values.schema import Params

STAGE = "planted_paths"
STEP = 0.5  # of an example in which one edge of either kind changes places, at most


def analyse(outcomes: Outcomes, _values: Params) -> Findings:
    """What every score makes of the known edges, and single knock-outs of redundant ones; a design is a task here.

    A kept run may have them of some seeds, or of none.
    """
    records, found, edges = [], [], []
    seeds = [seed for seed in outcomes.seeds if has(outcomes.root, str(seed), STAGE)]
    tables = {seed: _read(planted_paths_folder(outcomes.root, seed)) for seed in seeds}
    models = {
        seed: read_json(present(planted_paths_folder(outcomes.root, seed) / "models.json", STAGE))["models"]
        for seed in seeds
    }
    for design in dict.fromkeys(one["design"] for of_seed in models.values() for one in of_seed):
        measured, examples = [], []
        for of_seed in tables.values():
            rows = [row for row in of_seed["outcomes"] if row["design"] == design]
            losses = [row for row in of_seed["losses"] if row["design"] == design]
            measured.append(measures(rows, losses))
            examples.append(list(dict.fromkeys(row["example_id"] for row in rows)))
        found += statistics(design, measured, examples=examples)
    for seed, of_seed in tables.items():
        records += [{"task": one.pop("design"), "seed": seed, **one} for one in models[seed]]
        edges += [{"seed": seed, **row} for row in of_seed["edges"]]
    return Findings(records, found, {"edges": edges})


def _read(folder: Path) -> dict[str, list[Record]]:
    return {name: read_rows(present(folder / f"{name}.parquet", STAGE)) for name in ("outcomes", "losses", "edges")}


def measures(rows: Sequence[Record], losses: Sequence[Record]) -> dict[Key, Measure]:
    """What one model's examples say of every method, and of attribution beside each other one.

    - `<auroc or precision>/<method>`, `<...>/attribution-<other>`: means over examples
    - `single/<output>`: what knocking out each of the last layer's carrying edges alone loses, in sum, as a share of
      what all of them together lose: 1 where effects add up, less where one stands in for another
    """
    found: dict[Key, Measure] = {}
    for name, label in PlantedPaths.MEASURES.items():
        own, lead = (one.where(measure=name) for one in (PlantedPaths.AGREEMENT, PlantedPaths.AGREEMENT_LEAD))
        found |= beside(
            own,
            lead,
            f"{label} of the edges that carry the label",
            "share",
            by_method(rows, name),
            step=STEP,
            within=(0, 1),
        )
    for output, label in PlantedPaths.OUTPUTS.items():
        single, together = (
            np.array([row[column] for row in losses if row["output"] == output], np.float64)
            for column in ("single", "together")
        )
        text = f"{label} lost by knock-outs one at a time, of what is lost by all together"
        found[PlantedPaths.SINGLE.key(output=output)] = Ratio(text, "share", single, together)
    return found
