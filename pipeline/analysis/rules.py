"""The rules of `rules.yaml`, checked: their form as they are read, and that `analyse` knows what they name."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from pipeline.analysis.experiments import quantities_of
from pipeline.analysis.keys import NUMBER
from pipeline.analysis.verdicts import Limits
from pipeline.digests.said import digest
from pipeline.errors import InputError

FILE = Path(__file__).with_name("rules.yaml")
JUDGING = ("claims", "derived", "estimates", "intervals", "rules", "statistics", "verdicts")  # modules beside this one


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Primary(_Checked):
    """A row that decides, and its limits; see `Limits`."""

    statistic: str
    low: float | None = None
    high: float | None = None

    @property
    def limits(self) -> Limits:
        """What the verdict needs of it."""
        return Limits(self.low, self.high)

    def needs(self, unit: str) -> str:
        """The limits in words, `above 90 %`."""
        if self.low is None and self.high is None:
            return "nothing"
        known = "" if unit in {"", "share", "correlation"} else f" {unit}"
        if self.low is not None and self.high is not None:
            return f"from {self.low:g} to {self.high:g}{known}"
        return f"above {self.low:g}{known}" if self.low is not None else f"below {self.high:g}{known}"


class Rule(_Checked):
    """A claim, and how it is decided: all of `primary` have to hold, or one of them if `any`.

    `secondary` are patterns of the statistics that are shown beside the primary ones. A claim about some tasks alone
    names them; `needs_tasks` says what a run must have for it. A claim that no sample of this kind can carry says why
    in `without_verdict`: its rows are shown, and decide nothing. One that can only be asked where something else holds
    has the rows that must lie inside in `given`, and in `without_given` what there is to say where they do not. A task
    is barred by the `accuracy` of its fine-tuned models, too, or, for a claim about other models, by `given` alone.
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
    needs_tasks: str = "a run with its statistics"
    gate: Literal["accuracy", "given"] = "accuracy"
    given: tuple[Primary, ...] = ()
    without_given: str = ""
    without_verdict: str | None = None
    date: date

    @property
    def text(self) -> str:
        """The rule in words: `above 0 and above 0`."""
        return (" or " if self.any else " and ").join(part.needs("") for part in self.primary)


@dataclass(frozen=True)
class Rules:
    """All rules, the models (seeds by task) whose results were known when they were written, and their digest.

    It is of the file and of what the code says that judges by it, so that neither moves unseen.
    """

    rules: tuple[Rule, ...]
    seen: dict[str, tuple[int, ...]]
    digest: str


def read_rules(path: Path = FILE) -> Rules:
    """The rules of the file; one without a date of its own has the file's."""
    text = path.read_bytes()
    content = yaml.safe_load(text)
    rules = tuple(Rule(**{"date": content["date"], **one}) for one in content["rules"])
    seen = {task: tuple(seeds) for task, seeds in content["seen"].items()}
    code = "".join(f"{name} {digest(Path(__file__).with_name(f'{name}.py'))}\n" for name in JUDGING)
    return Rules(rules, seen, hashlib.sha256(text + code.encode()).hexdigest())


def refuse_unknown(rules: Rules, *, tasks: Iterable[str]) -> None:
    """Refuse a rule that names what `analyse` cannot make, whatever it is run on; `tasks` are all there are.

    A statistic that a run merely lacks, as it has no such task or method, is known all the same.

    Raises:
        InputError: in one line, the rule, what it names, and the nearest that is known.
    """
    every = tuple(tasks)
    for rule in rules.rules:
        named = [(part.statistic, str.__eq__) for part in (*rule.primary, *rule.given)]
        named += [(pattern, fnmatchcase) for pattern in rule.secondary]
        for name, fits in named:
            known = known_texts(rule.experiment, near=name, tasks=every)
            if not any(fits(text, name) for text in known):
                near = difflib.get_close_matches(name, known, n=1, cutoff=0)
                hint = f"did you mean {near[0]}?" if near else "there are none"
                raise InputError(f"{FILE.name}: rule {rule.id} names no statistic of {rule.experiment}: {name}; {hint}")


def known_texts(experiment: str, *, near: str, tasks: Iterable[str]) -> list[str]:
    """The texts of all statistics that an experiment can make, with the numbers of the text `near` where any may stand.

    Raises:
        InputError: if there is no such experiment.
    """
    numbers = [match[0] for match in NUMBER.finditer(near)] or ["0"]
    return [text for one in quantities_of(experiment) for text in one.texts(tasks=tasks, numbers=numbers)]
