"""What is shown: the statistics that `analyse` made, and examples that the measuring stages kept for the eye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.values.models import Model, is_kept, models_of, replicates_folder
from pipeline.values.paths import analysis_folder, attributions_folder, examples_folder
from pipeline.values.present import present
from pipeline.values.store import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

Record = dict[str, Any]


@dataclass(frozen=True)
class Results:
    """The files below `root`, of a run over `tasks` and `seeds`."""

    root: Path
    tasks: Sequence[str]
    seeds: Sequence[int]

    @property
    def models(self) -> list[Model]:
        """Every model of the run, task by task."""
        return models_of(self.root, self.tasks, self.seeds)

    def first(self, task: str) -> Model:
        """The model of a task's first seed, whose examples are shown."""
        return next(model for model in self.models if model.task == task)

    def replicates(self) -> list[Record]:
        """Where the replicates of a kept run are from; nothing of another run."""
        return [read_json(path) for path in sorted(replicates_folder(self.root).glob("*.json"))]

    def records(self, experiment: str) -> list[Record]:
        """Facts of every model; of `claims` one record per claim."""
        return self._found(experiment)["records"]

    def has(self, experiment: str) -> bool:
        """Whether any model has outcomes of it: a kept run may be without."""
        return bool(self.records(experiment))

    def statistics(self, experiment: str) -> list[Record]:
        """What the models of each task came to together; none of `claims`."""
        return self._found(experiment).get("statistics", [])

    def _found(self, experiment: str) -> dict[str, list[Record]]:
        return read_json(present(analysis_folder(self.root, experiment) / "records.json", "analyse"))

    def table(self, experiment: str, name: str) -> pd.DataFrame:
        """One of the long tables over all models. Empty, without columns, where there was nothing to tell."""
        import pandas

        path = present(analysis_folder(self.root, experiment) / f"{name}.csv", "analyse")
        # A name such as None stays text.
        return pandas.read_csv(path, keep_default_na=False) if path.stat().st_size else pandas.DataFrame()

    def trees(self, task: str) -> list[Record]:
        """The trees of the first seed that are to be drawn; none where they may not be published, or are not kept."""
        path = examples_folder(self.root, *self.first(task)) / "trees.json"
        if is_kept(self.root) and not path.is_file():
            return []
        return read_json(present(path, "examples"))["trees"]

    def examples(self, task: str) -> list[Record]:
        """The packed examples of the viewer, first seed; none where they may not be published, or are not kept."""
        path = examples_folder(self.root, *self.first(task)) / "viewer.json"
        return read_json(path)["examples"] if path.is_file() else []

    def head_maps(self, task: str, example_id: str, *, layer: int, head: int) -> tuple[Any, Any] | None:
        """Attention and attribution `(query, key)` of one head, first seed; None where the whole maps are not kept.

        Raises InputError if the model has no such layer or head.
        """
        from safetensors.numpy import load_file

        path = attributions_folder(self.root, *self.first(task)) / "full.safetensors"
        if not path.is_file():
            return None
        maps = load_file(path)
        attention, attribution = (maps[f"{example_id}.predicted.{name}"] for name in ("attention", "attribution"))
        for name, chosen, count in (("layer", layer, attention.shape[0]), ("head", head, attention.shape[1])):
            if chosen >= count:
                raise InputError(f"figures.heatmap_{name} is {chosen}, but must be below {count}: they count from 0")
        return attention[layer, head], attribution[layer, head]
