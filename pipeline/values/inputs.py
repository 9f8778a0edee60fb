"""The sections of params.yaml that say where examples and weights come from, and what DVC watches for them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.errors import InputError
from pipeline.values.fields import LONGEST_PATH, MOST_PARTS, Count, Location, Name, Positive, Section
from pipeline.values.paths import nothing_outside


def _revision(name: str) -> str:
    if not re.fullmatch(r"[\w.+@-]+(/[\w.+@-]+)*", name) or ".." in name:
        raise ValueError("a branch, a tag or a commit")
    return name


Parts = Annotated[int, Field(ge=1, le=MOST_PARTS)]
Revision = Annotated[Name, AfterValidator(_revision)]


def _by_task(value: object) -> object:
    names = value.values() if isinstance(value, dict) else [value]
    if value is None or all(isinstance(name, str) and 1 <= len(name) <= LONGEST_PATH for name in names):
        return value
    raise ValueError("a name, or a table of such by task, with default for the others")


NameByTask = Annotated[
    str | dict[str, str], BeforeValidator(_by_task, json_schema_input_type=Location | dict[Name, Location])
]
PLACEHOLDERS = r"\{(?:task|seed)\}"


def _require(section: Section, name: str, keys: tuple[str, ...], source: str) -> None:
    for key in keys:
        if getattr(section, key) is None:
            raise InputError(f"{name}.{key} is null, but must be set where {name}.source is {source}")


def _forbid(section: Section, name: str, keys: tuple[str, ...], source: str) -> None:
    for key in keys:
        if getattr(section, key) is not None:
            value = getattr(section, key)
            raise InputError(f"{name}.{key} is {value}, but must be null where {name}.source is {source}")


def _check_dep(section: "Data | Model", name: str, expected: str) -> None:
    if section.dep != expected:
        raise InputError(f"{name}.dep is {section.dep}, but must be {expected} for {name}.source {section.source}")


def data_folder_name(name: str | None) -> str:
    """The folder below ATTATTR_DATA that holds a folder for every task: `glue` unless data.name is another."""
    return name or "glue"


def data_dep(source: str, name: str | None) -> str:
    """The path that DVC watches for the examples of `source`."""
    if source == "folder":
        return f"external/{data_folder_name(name)}"
    return str(nothing_outside(Path()))


def model_dep(source: str, name: str | Mapping[str, str] | None) -> str:
    """The path that DVC watches for the initial weights: a folder's name up to its first placeholder.

    Of a table of names by task it is the folder that holds them all.
    """
    if source != "folder" or not name:
        return str(nothing_outside(Path()))
    watched = []
    for one in map(str, name.values() if isinstance(name, Mapping) else [name]):
        fixed, *rest = re.split(PLACEHOLDERS, one)
        watched.append(PurePosixPath("external/models") / (fixed.rpartition("/")[0] if rest else fixed))
    return os.path.commonpath(watched)


class Data(Section):
    """Where examples come from."""

    source: Literal["planted", "folder", "hub"]
    dep: Location
    name: Location | None
    revision: Revision | None
    n_train: Count | None
    n_dev: Count | None

    @model_validator(mode="after")
    def _fits_source(self) -> "Data":
        planted = ("n_train", "n_dev")
        if self.source == "planted":
            _require(self, "data", planted, self.source)
        else:
            _forbid(self, "data", planted, self.source)
        if self.source == "hub":
            _require(self, "data", ("name",), self.source)
        else:
            _forbid(self, "data", ("revision",), self.source)
        if self.source == "planted":
            _forbid(self, "data", ("name",), self.source)
        if self.source == "folder" and not re.fullmatch(r"\w[\w-]*", data_folder_name(self.name)):
            raise InputError(f"data.name is {self.name}, but must be the name of a folder of ATTATTR_DATA")
        _check_dep(self, "data", data_dep(self.source, self.name))
        return self


class Model(Section):
    """Where the initial weights come from; sizes only for a model made from scratch."""

    source: Literal["scratch", "folder", "hub"]
    dep: Location
    name: NameByTask | None
    revision: Revision | None
    layers: Parts | None
    heads: Parts | None
    hidden: Annotated[int, Field(ge=1, le=100_000)] | None
    intermediate: Annotated[int, Field(ge=1, le=1_000_000)] | None
    initializer_range: Positive | None
    dropout: Annotated[float, Field(ge=0, lt=1)] | None

    @model_validator(mode="after")
    def _fits_source(self) -> "Model":
        sizes = ("layers", "heads", "hidden", "intermediate", "initializer_range", "dropout")
        if self.source == "scratch":
            _require(self, "model", sizes, self.source)
            _forbid(self, "model", ("name", "revision"), self.source)
            if self.hidden and self.heads and self.hidden % self.heads:
                raise InputError(f"model.heads is {self.heads}, but must divide model.hidden, {self.hidden}")
        else:
            _forbid(self, "model", sizes, self.source)
            _require(self, "model", ("name",), self.source)
            for name in [*self.name.values()] if isinstance(self.name, dict) else [str(self.name)]:
                _check_model_name(self.source, name)
        if self.source == "folder":
            _forbid(self, "model", ("revision",), self.source)
        elif isinstance(self.name, dict):
            raise InputError(f"model.name is {self.name}, but must be one name where model.source is {self.source}")
        _check_dep(self, "model", model_dep(self.source, self.name))
        return self


def _check_model_name(source: str, name: str) -> None:
    if source == "hub" and re.search(PLACEHOLDERS, name):
        raise InputError(f"model.name is {name}, but must be a hub id without placeholders where model.source is hub")
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise InputError(f"model.name is {name}, but must be a folder below external/models")
