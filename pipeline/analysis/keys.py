"""What a statistic is called: a key of parts, and the one text that files hold for it (`lead/taylor/none`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

# Parts that may be anything of a kind; any other has a list of what it may be.
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")
TASK = re.compile(r"[^/]+")

Axis = tuple[str, ...] | re.Pattern[str]


@dataclass(frozen=True)
class Key:
    """One statistic of an experiment, without its task. `parts` are what it is of: a method, a threshold, and so on."""

    experiment: str
    text: str
    parts: Mapping[str, str] = field(compare=False)


@dataclass(frozen=True)
class Quantity:
    """All statistics of one kind: `form` is their text, with a gap for each of `axes`, whose parts they differ by."""

    experiment: str
    form: str
    axes: Mapping[str, Axis] = field(default_factory=dict, hash=False)

    def key(self, **parts: str | float) -> Key:
        """The key with these parts, one for each axis that has more than one.

        Raises:
            ValueError: for a part that its axis does not have. So `analyse` makes no statistic that is not known here.
        """
        as_text = {name: axis[0] for name, axis in self.axes.items() if isinstance(axis, tuple) and len(axis) == 1}
        as_text |= {name: part if isinstance(part, str) else f"{part:g}" for name, part in parts.items()}
        for name, part in as_text.items():
            if not _has(self.axes[name], part):
                raise ValueError(f"{self.experiment}: {name} is {part}, but {self.form} has {self.axes[name]}")
        return Key(self.experiment, self.form.format(**as_text), as_text)

    def has(self, **parts: str) -> bool:
        """Whether its axes have these parts."""
        return all(_has(self.axes[name], part) for name, part in parts.items())

    def where(self, **parts: str) -> Quantity:
        """Those of them that have these parts."""
        return replace(self, axes={**self.axes, **{name: (part,) for name, part in parts.items()}})

    def read(self, text: str) -> Key | None:
        """The key whose text this is; None if it is none of these."""
        found = self._pattern.fullmatch(text)
        return Key(self.experiment, text, found.groupdict()) if found else None

    def texts(self, *, tasks: Iterable[str], numbers: Iterable[str]) -> Iterator[str]:
        """The texts of all of them; those with an open part, for `tasks` and `numbers`."""
        given = {TASK: tuple(tasks), NUMBER: tuple(numbers)}
        parts = [axis if isinstance(axis, tuple) else given[axis] for axis in self.axes.values()]
        for chosen in product(*parts):
            yield self.form.format(**dict(zip(self.axes, chosen, strict=True)))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        def gap(axis: Axis) -> str:
            return "|".join(map(re.escape, axis)) if isinstance(axis, tuple) else axis.pattern

        gaps = {name: f"(?P<{name}>{gap(axis)})" for name, axis in self.axes.items()}
        return re.compile(self.form.format(**gaps))  # a form has nothing else that a pattern would read


def _has(axis: Axis, part: str) -> bool:
    return part in axis if isinstance(axis, tuple) else axis.fullmatch(part) is not None
