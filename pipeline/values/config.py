"""The part of params.yaml that one run of a stage may see."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.values.schema import Params
    from pipeline.values.task_table import Task

    Sections = Params
else:
    Sections = object

# What a stage may declare of the table of tasks: all of it, its task's entry, or the labels in that.
TABLE = "conf/tasks.yaml"
ENTRY = f"{TABLE}:${{item.task}}"
LABELS = f"{ENTRY}.labels"


class StageConfig(Sections):
    """The values that one run of a stage may see.

    Beside `run`, `task`, `seed` and the folders, a section is there only if dvc.yaml declares it under the stage's
    `params`: otherwise an edit of it would not re-run the stage, and reading it raises an InputError. So it is with
    `table`, `entry` and `labels`, the tasks of conf/tasks.yaml.
    """

    def __init__(
        self,
        params: "Params",
        *,
        stage: str,
        declared: frozenset[str],
        task: str | None = None,
        seed: int | None = None,
        output_root: Path = Path(),
        sweep: Path | None = None,
    ) -> None:
        """`task` and `seed` are None where the stage's matrix lacks them."""
        self._params, self._task, self._seed = params, task, seed
        self.stage = stage
        self.declared = declared
        """What dvc.yaml declares for the stage: sections, and parts of the table of tasks."""
        self.input_root = Path()
        """Where the outputs of earlier stages are: the repository, which is the working directory."""
        self.output_root = output_root
        """Where this run writes: the repository under DVC, otherwise a folder of the run's own."""
        self.sweep = sweep
        """The folder of the sweep that this run is a job of, if it is one."""

    def __getattr__(self, name: str) -> Any:
        """A section of params.yaml, if dvc.yaml declares it for the stage."""
        # While a copy is being unpickled there are no values yet.
        if name.startswith("_") or name not in type(self._params).model_fields:
            raise AttributeError(f"a stage's values have no {name}")
        if name != "run":
            self._require(name, name)
        return getattr(self._params, name)

    def _require(self, read: str, *declarations: str) -> None:
        if self.declared.isdisjoint(declarations):
            raise InputError(
                f"stage {self.stage} reads {read}, but dvc.yaml does not declare it: "
                f"add it to stages.{self.stage}.params"
            )

    @property
    def table(self) -> "Mapping[str, Task]":
        """Every task of conf/tasks.yaml by its name."""
        self._require(TABLE, TABLE)
        return self._params.table

    @property
    def entry(self) -> "Task":
        """What conf/tasks.yaml holds of this run's task."""
        self._require(ENTRY, TABLE, ENTRY)
        return self._params.table[self.task]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of this run's classes, in the order of their ids."""
        self._require(LABELS, TABLE, ENTRY, LABELS)
        return self._params.table[self.task].labels

    @property
    def task(self) -> str:
        """The task of this run."""
        if self._task is None:
            raise InputError(f"stage {self.stage} takes no task: its matrix in dvc.yaml has none")
        return self._task

    @property
    def seed(self) -> int:
        """The seed of this run."""
        if self._seed is None:
            raise InputError(f"stage {self.stage} takes no seed: its matrix in dvc.yaml has none")
        return self._seed

    @property
    def label(self) -> str:
        """The run's name among those of its stage: `<task>-<seed>`, `<task>`, or empty."""
        return "-".join(str(part) for part in (self._task, self._seed) if part is not None)

    @property
    def all_values(self) -> "Params":
        """Every value, declared or not: what the launcher leaves beside results that DVC does not know."""
        return self._params

    def values(self) -> dict[str, Any]:
        """The declared sections as plain values, for tracking and for the report, and what is declared of the tasks."""
        values = self._params.model_dump(mode="json", include=set(self.declared))
        if TABLE in self.declared:
            values["table"] = {name: task.model_dump(mode="json") for name, task in self.table.items()}
        elif ENTRY in self.declared:
            values["entry"] = self.entry.model_dump(mode="json")
        elif LABELS in self.declared:
            values["labels"] = list(self.labels)
        return values
