"""What the measuring stages wrote, read for every task and seed; and what an analysis makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.values.long import places_of, to_array
from pipeline.values.models import Model, models_of
from pipeline.values.paths import attributions_folder, data_folder, experiment_folder, predictions_file
from pipeline.values.present import present
from pipeline.values.store import read_json, read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.analysis.statistics import Statistic

Record = dict[str, Any]


@dataclass(frozen=True)
class Findings:
    """What the outcomes of one experiment came to.

    `records` are facts of every model, `statistics` what a task's models come to together, with intervals; `tables` are
    long tables over all models, by name.
    """

    records: Sequence[Record]
    statistics: Sequence[Statistic] = ()
    tables: dict[str, Sequence[Record]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcomes:
    """The files of the measuring stages below `root`, for every model of `tasks` and `seeds`.

    `prepared` is where `prepare` and `finetune` wrote, if that is elsewhere: the jobs of a sweep share it.
    """

    root: Path
    tasks: Sequence[str]
    seeds: Sequence[int]
    prepared: Path | None = None

    @property
    def models(self) -> list[Model]:
        """Every model, in the order of params.yaml."""
        return models_of(self.root, self.tasks, self.seeds)

    def of_task(self, task: str, *, stage: str = "finetune") -> list[Model]:
        """The models of one task that have outcomes of the stage, by seed: a kept run may lack those of some."""
        return models_of(self.root, [task], self.seeds, stage=stage)

    def table(self, stage: str, model: Model, *, name: str = "outcomes") -> pd.DataFrame:
        """The table `name`.parquet that the stage of an experiment wrote for one model."""
        return _parquet(experiment_folder(self.root, stage, *model) / f"{name}.parquet", stage)

    def rows(self, stage: str, model: Model, *, name: str = "outcomes") -> list[Record]:
        """The same as `table`, row by row, with None where there is nothing."""
        path = experiment_folder(self.root, stage, *model) / f"{name}.parquet"
        return read_rows(present(path, stage))

    def predictions(self, model: Model) -> pd.DataFrame:
        """What `finetune` predicted for the evaluation split."""
        own = predictions_file(self.root, *model)  # a sweep may be of the trainings themselves
        root = self.root if self.prepared is None or own.exists() else self.prepared
        return _parquet(predictions_file(root, *model), "finetune")

    def attributions(self, model: Model) -> list[Record]:
        """How exact the scores of every example are, row by row."""
        return read_rows(present(attributions_folder(self.root, *model) / "outcomes.parquet", "attribute"))

    def facts(self, stage: str, model: Model, *, name: str) -> Record:
        """The file `name`.json of a stage."""
        return read_json(present(experiment_folder(self.root, stage, *model) / f"{name}.json", stage))

    def split_sizes(self, model: Model) -> dict[str, int]:
        """How many examples `prepare` put into each split."""
        path = data_folder(self.prepared or self.root, *model) / "prepare.json"
        return read_json(present(path, "prepare"))["examples"]


def correctness(table: pd.DataFrame, axes: Sequence[Sequence[str]]) -> tuple[list[list[Record]], NDArray[np.bool_]]:
    """The places of every axis of a table of outcomes, and whether the predicted class is the label, over the axes."""
    right = table.assign(right=table["predicted"] == table["label"])
    return [places_of(table, axis) for axis in axes], to_array(right, axes, "right")


def _parquet(path: Path, stage: str) -> pd.DataFrame:
    import pandas

    return pandas.read_parquet(present(path, stage))
