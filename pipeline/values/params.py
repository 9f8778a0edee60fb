"""params.yaml and dvc.yaml: read, checked, written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from pipeline.errors import InputError
from pipeline.values.config import ENTRY, LABELS, TABLE, StageConfig
from pipeline.values.messages import first_error
from pipeline.values.paths import PRESETS
from pipeline.values.schema import Params
from pipeline.values.store import replace
from pipeline.values.task_table import read_task_table

PARAMS_FILE = Path("params.yaml")
GRAPH_FILE = Path("dvc.yaml")


def preset_names() -> list[str]:
    """The presets there are: the files of conf/preset."""
    return sorted(path.stem for path in (PRESETS / "preset").glob("*.yaml"))


def load_params(values: Mapping[str, Any]) -> Params:
    """Check `values`, the content of params.yaml, and conf/tasks.yaml.

    Raises:
        InputError: in one line, the first bad key, its value and what is allowed.
    """
    try:
        params = Params.model_validate(values, context=read_task_table())
    except ValidationError as error:
        raise InputError(first_error(error, model=Params)) from None
    if params.preset not in preset_names():
        raise InputError(f'preset is "{params.preset}", but must be one of {", ".join(preset_names())}')
    return params


def read_values(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """The unchecked content of params.yaml. `${...}` stays text: DVC would not see what it refers to change."""
    if not path.is_file():
        raise InputError(f"{path} is missing; make it with: python -m pipeline.commands.compose preset=mini")
    try:
        return plain(OmegaConf.load(path))
    except InputError:
        raise
    except (yaml.YAMLError, OmegaConfBaseException, OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


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


def write_values(config: StageConfig) -> None:
    """Leave the values of a run beside results that DVC does not know."""
    header = f"The values of this run of {config.stage} {config.label}".rstrip()
    replace(config.output_root / "params.yaml", dump_params(config.all_values, header=header).encode())


@dataclass(frozen=True)
class Declaration:
    """What dvc.yaml says of a stage: the sections it depends on, its matrix (`task`, `seed`), files it depends on.

    What it declares of conf/tasks.yaml is among the sections: TABLE, ENTRY or LABELS.
    """

    sections: frozenset[str]
    matrix: frozenset[str]
    deps: tuple[str, ...]
    """As written there, with placeholders such as `${item.task}`."""


def read_declaration(stage: str, path: Path = GRAPH_FILE) -> Declaration:
    """Read dvc.yaml's entry of `stage`.

    Raises:
        InputError: if there is none, or if it declares a part of a section, or something that is no section, or
            another part of conf/tasks.yaml than all, its task's entry, or the labels in it.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; run from the repository's root")
    try:
        graph = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    entry = ((graph or {}).get("stages") or {}).get(stage)
    if entry is None:
        raise InputError(f"{path} has no stage {stage}")
    listed = entry.get("params") or []
    sections: list[Any] = [
        part for one in listed for part in (_parts_of_table(one) if isinstance(one, dict) else [one])
    ]
    for section in sections:
        known = {*Params.model_fields, TABLE, ENTRY, LABELS} - {"run"}
        if not isinstance(section, str) or section not in known:
            raise InputError(f"{path} declares {section} for stage {stage}, but must list whole sections, without run")
    return Declaration(frozenset(sections), frozenset(entry.get("matrix") or {}), tuple(entry.get("deps") or []))


def _parts_of_table(declared: Mapping[str, Any]) -> list[str]:
    """What dvc.yaml declares of conf/tasks.yaml, such as `conf/tasks.yaml: ["${item.task}.labels"]`."""
    parts: list[str] = []
    for file, keys in declared.items():
        parts += [f"{file}:{key}" for key in keys] if isinstance(keys, list) else [file]
    return parts
