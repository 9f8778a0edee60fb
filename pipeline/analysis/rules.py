"""The rules of `rules.yaml`, checked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from pipeline.analysis.verdicts import Limits

FILE = Path(__file__).with_name("rules.yaml")


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Primary(_Checked):
    """A row that decides, and its limits; see `Limits`."""

    statistic: str
    low: float | None = None
    high: float | None = None
    expected: float | None = None

    @property
    def limits(self) -> Limits:
        """What the verdict needs of it."""
        return Limits(self.low, self.high, self.expected)

    @property
    def text(self) -> str:
        """The limits in words."""
        if self.low is not None and self.high is not None:
            return f"from {self.low:g} to {self.high:g}"
        return f"above {self.low:g}" if self.low is not None else f"below {self.high:g}"


class Rule(_Checked):
    """A claim, and how it is decided: all of `primary` have to hold, or one of them if `any`.

    `secondary` are patterns of the statistics that are shown beside the primary ones. A claim about some tasks alone
    names them.
    """

    id: str
    claim: str
    source: str
    experiment: str
    primary: tuple[Primary, ...]
    secondary: tuple[str, ...]
    objection: bool = False
    any: bool = False
    tasks: tuple[str, ...] | None = None
    date: date


@dataclass(frozen=True)
class Rules:
    """All rules, the models (seeds by task) whose results were known when they were written, and the file's digest."""

    rules: tuple[Rule, ...]
    seen: dict[str, tuple[int, ...]]
    digest: str


def read_rules(path: Path = FILE) -> Rules:
    """The rules of the file; one without a date of its own has the file's."""
    text = path.read_bytes()
    content = yaml.safe_load(text)
    rules = tuple(Rule(**{"date": content["date"], **one}) for one in content["rules"])
    seen = {task: tuple(seeds) for task, seeds in content["seen"].items()}
    return Rules(rules, seen, hashlib.sha256(text).hexdigest())
