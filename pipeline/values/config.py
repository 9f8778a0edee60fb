"""The part of params.yaml that one run of a stage may see."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.values.schema import Params, Task

    Sections = Params
else:
    Sections = object


class StageConfig(Sections):
    """The values that one run of a stage may see.

    Beside `run`, `task`, `seed` and the folders, a section is there only if dvc.yaml declares it under the stage's
    `params`: otherwise an edit of it would not re-run the stage, and reading it raises an InputError.
    """

    def __init__(
        self,
        params: "Params",
        *,
        stage: str,
        declared: frozenset[str],
        task: "Task | None" = None,
        seed: int | None = None,
        output_root: Path = Path(),
        sweep: Path | None = None,
    ) -> None:
        """`task` and `seed` are None where the stage's matrix lacks them."""
        self._params, self._declared, self._seed = params, declared, seed
        self._task: Task | None = task
        self.stage = stage
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
        if name != "run" and name not in self._declared:
            raise InputError(
                f"stage {self.stage} reads {name}, but dvc.yaml does not declare it: "
                f"add it to stages.{self.stage}.params"
            )
        return getattr(self._params, name)

    @property
    def task(self) -> "Task":
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
        """The declared sections as plain values, for tracking and for the report."""
        return self._params.model_dump(mode="json", include=set(self._declared))
