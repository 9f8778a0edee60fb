"""The values of params.yaml, checked, and the part of them that a stage may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from pipeline.errors import InputError
from pipeline.run.inputs import Data, Model
from pipeline.run.messages import first_error
from pipeline.run.paths import PRESETS
from pipeline.run.schema import (
    Attribute,
    Claims,
    Convergence,
    Effectiveness,
    Figures,
    Finetune,
    Params,
    Prepare,
    Prune,
    ReceptiveField,
    Report,
    Run,
    Task,
    Tree,
    Triggers,
    Universality,
)

PARAMS_FILE = Path("params.yaml")
GRAPH_FILE = Path("dvc.yaml")


def preset_names() -> list[str]:
    """The presets there are: the files of conf/experiment."""
    return sorted(path.stem for path in (PRESETS / "experiment").glob("*.yaml"))


def load_params(values: Mapping[str, Any]) -> Params:
    """Check `values`, the content of params.yaml.

    Raises:
        InputError: in one line, the first bad key, its value and what is allowed.
    """
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        raise InputError(first_error(error)) from None
    if params.preset not in preset_names():
        raise InputError(f'preset is "{params.preset}", but must be one of {", ".join(preset_names())}')
    return params


def read_values(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """The unchecked content of params.yaml. `${...}` stays text: DVC would not see what it refers to change."""
    if not path.is_file():
        raise InputError(f"{path} is missing; make it with: python -m pipeline.commands.compose experiment=mini")
    try:
        return plain(OmegaConf.load(path))
    except (yaml.YAMLError, OmegaConfBaseException, OSError) as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None


def plain(config: DictConfig | ListConfig) -> dict[str, Any]:
    """The values of a Hydra configuration or a YAML file, `${...}` left as text."""
    values = OmegaConf.to_container(config, resolve=False)
    if not isinstance(values, dict):
        raise InputError(f"{PARAMS_FILE} must hold sections, not a list")
    return {str(key): value for key, value in values.items()}


def read_params(path: Path = PARAMS_FILE) -> Params:
    """The checked content of params.yaml."""
    return load_params(read_values(path))


class _Dumper(yaml.SafeDumper):
    """Writes null as nothing, as DVC does when `dvc exp run -S` edits params.yaml, so that it changes one line."""


_Dumper.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


def dump_params(params: Params, *, header: str) -> str:
    """The text of a params.yaml, in the style in which DVC rewrites one."""
    comment = "".join(f"# {line}\n" for line in header.splitlines())
    values = params.model_dump(mode="json")
    return comment + yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


@dataclass(frozen=True)
class Declaration:
    """What dvc.yaml says of a stage: the sections it depends on, its matrix (`task`, `seed`), files it depends on."""

    sections: frozenset[str]
    matrix: frozenset[str]
    deps: tuple[str, ...]
    """As written there, with placeholders such as `${item.task}`."""


def read_declaration(stage: str, path: Path = GRAPH_FILE) -> Declaration:
    """Read dvc.yaml's entry of `stage`.

    Raises:
        InputError: if there is none, or if it declares a part of a section, or something that is no section.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; run from the repository's root")
    try:
        graph = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    entry = ((graph or {}).get("stages") or {}).get(stage)
    if entry is None:
        raise InputError(f"{path} has no stage {stage}")
    sections = entry.get("params") or []
    for section in sections:
        if not isinstance(section, str) or section not in Params.model_fields or section == "run":
            raise InputError(f"{path} declares {section} for stage {stage}, but must list whole sections, without run")
    return Declaration(frozenset(sections), frozenset(entry.get("matrix") or {}), tuple(entry.get("deps") or []))


class StageConfig:
    """The values that one run of a stage may see.

    Beside `run`, `task`, `seed` and the folders, a section is there only if dvc.yaml declares it under the stage's
    `params`: otherwise an edit of it would not re-run the stage, and reading it raises an InputError.
    """

    # For type checkers and readers; __getattr__ serves them. One line for each field of Params.
    preset: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    data: Data
    model: Model
    prepare: Prepare
    finetune: Finetune
    attribute: Attribute
    effectiveness: Effectiveness
    prune: Prune
    convergence: Convergence
    universality: Universality
    tree: Tree
    receptive_field: ReceptiveField
    triggers: Triggers
    claims: Claims
    figures: Figures
    report: Report
    run: Run

    def __init__(
        self,
        params: Params,
        *,
        stage: str,
        declared: frozenset[str],
        task: Task | None = None,
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
        if name not in Params.model_fields:
            raise AttributeError(f"a stage's values have no {name}")
        if name != "run" and name not in self._declared:
            raise InputError(
                f"stage {self.stage} reads {name}, but {GRAPH_FILE} does not declare it: "
                f"add it to stages.{self.stage}.params"
            )
        return getattr(self._params, name)

    @property
    def task(self) -> Task:
        """The task of this run."""
        if self._task is None:
            raise InputError(f"stage {self.stage} takes no task: its matrix in {GRAPH_FILE} has none")
        return self._task

    @property
    def seed(self) -> int:
        """The seed of this run."""
        if self._seed is None:
            raise InputError(f"stage {self.stage} takes no seed: its matrix in {GRAPH_FILE} has none")
        return self._seed

    @property
    def label(self) -> str:
        """The run's name among those of its stage: `<task>-<seed>`, `<task>`, or empty."""
        return "-".join(str(part) for part in (self._task, self._seed) if part is not None)

    def values(self) -> dict[str, Any]:
        """The declared sections as plain values, for tracking and for the report."""
        return self._params.model_dump(mode="json", include=set(self._declared))

    def write_values(self) -> None:
        """Leave the values beside results that DVC does not know."""
        self.output_root.mkdir(parents=True, exist_ok=True)
        header = f"The values of this run of {self.stage} {self.label}".rstrip()
        (self.output_root / "params.yaml").write_text(dump_params(self._params, header=header), encoding="utf-8")
