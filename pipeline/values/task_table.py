"""conf/tasks.yaml: the tasks there are, checked."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from unicodedata import normalize

import yaml
from pydantic import Field, ValidationError, model_validator

from pipeline.errors import InputError
from pipeline.values.fields import AnyNumber, List, Name, Section
from pipeline.values.messages import first_error
from pipeline.values.paths import PRESETS
from pipeline.values.per_task import DEFAULT

FILE = PRESETS / "tasks.yaml"
SHOWN = "conf/tasks.yaml"
RESERVED = {DEFAULT, "all"}  # what tables of values and statistics over all tasks are called


class Task(Section):
    """One classification task, as conf/tasks.yaml explains it. Label ids are positions in `labels`.

    What an entry leaves out is what most tasks are like.
    """

    name: Name
    texts: Annotated[List[Name], Field(max_length=2)]
    labels: Annotated[AnyNumber[Name], Field(min_length=2)]
    ids: AnyNumber[Annotated[int, Field(ge=-(2**63), lt=2**63)]] | None = None
    label: Name = "label"
    train: Name = "train"
    dev: Name = "validation"
    title: Name | None = None
    reports_f1: bool = False
    phrases: bool = False
    recurring: AnyNumber[Name] = ()
    planted: bool = False
    published: bool = True

    @property
    def label_ids(self) -> dict[str, int]:
        """The label id for everything that may stand in the label column, as text."""
        stored = {str(one): number for number, one in enumerate(self._stored_ids)}
        return stored | {name: number for number, name in enumerate(self.labels)}

    @property
    def _stored_ids(self) -> Sequence[int]:
        return range(len(self.labels)) if self.ids is None else self.ids

    @model_validator(mode="after")
    def _fits(self) -> "Task":
        where = f"{SHOWN}: {self.name}"
        if self.label in self.texts:
            raise InputError(f"{where}.label is {self.label}, but must not be one of texts")
        if len({normalize("NFC", name) for name in self.labels}) < len(self.labels):
            raise InputError(f"{where}.labels has two that only differ in how an accent is stored: leave one")
        if self.ids is not None and len(self.ids) != len(self.labels):
            raise InputError(f"{where}.ids has {len(self.ids)} entries, but must have one for each of labels")
        if any(self.label_ids[str(stored)] != number for number, stored in enumerate(self._stored_ids)):
            raise InputError(f"{where}.labels has a number for a name that is another label's id: give ids, or words")
        if self.reports_f1 and len(self.labels) != 2:
            raise InputError(f"{where}.reports_f1 is true, but must be false with {len(self.labels)} labels")
        if not set(self.recurring) < set(self.texts):
            raise InputError(f"{where}.recurring is {', '.join(self.recurring)}, but must be some of texts, not all")
        if self.train == self.dev:
            raise InputError(f"{where}.dev is {self.dev}, but must not be that of train")
        for key in ("train", "dev"):
            if not re.fullmatch(r"[\w-]+", getattr(self, key)):
                raise InputError(f"{where}.{key} is {getattr(self, key)}, but must be a split's name, without a suffix")
        return self


def read_task_table() -> dict[str, Task]:
    """The tasks by name.

    Raises:
        InputError: in one line, the first bad key, its value and what is allowed.
    """
    try:
        entries = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{SHOWN} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(entries, dict):
        raise InputError(f"{SHOWN} must hold a section for every task")
    return {name: _checked(name, entry) for name, entry in entries.items()}


def _checked(name: object, entry: object) -> Task:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in RESERVED:
        raise InputError(
            f"{SHOWN} has a task {name}, but a name must be of a-z, 0-9 and _, start with a letter, and not be "
            f"{' or '.join(sorted(RESERVED))}"
        )
    if not isinstance(entry, Mapping):
        raise InputError(f"{SHOWN}: {name} must be a section")
    if "name" in entry:
        raise InputError(f"{SHOWN}: {name}.name is not a known key; the name in figures and tables is title")
    values: dict[str, Any] = {**entry, "name": name}
    try:
        return Task.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{SHOWN}: {first_error(error, model=Task, within=(name,))}") from None
