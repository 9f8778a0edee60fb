"""Results of which only some rows are let through, so that tables and figures show these alone."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.reporting.experiments import shown
from pipeline.reporting.results import Results

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    import pandas as pd

    from pipeline.reporting.experiments import Part
    from pipeline.reporting.results import Record

    Rows = str | int | Collection[str | int]


@dataclass(frozen=True)
class Chosen(Results):
    """The records, statistics and rows of tables with `values`, of those of its columns that they have."""

    values: Mapping[str, Collection[str | int]]
    met: set[str] = field(default_factory=set)
    """Columns that something had."""

    def records(self, experiment: str) -> list[Record]:
        """Facts of the models that are let through."""
        return self._fitting(super().records(experiment))

    def statistics(self, experiment: str) -> list[Record]:
        """The statistics that are let through."""
        return self._fitting(super().statistics(experiment))

    def table(self, experiment: str, name: str) -> pd.DataFrame:
        """The rows of a table that are let through."""
        found = super().table(experiment, name)
        for column in self.values.keys() & {*found.columns}:
            self.met.add(column)
            found = found.loc[found[column].isin([*self.values[column]])]
        return found

    def _fitting(self, records: list[Record]) -> list[Record]:
        for column in [name for name in self.values if any(name in one for one in records)]:
            self.met.add(column)
            records = [one for one in records if one.get(column) in self.values[column]]
        return records


@contextmanager
def chosen(root: Path, tasks: Sequence[str], seeds: Sequence[int], *, rows: Mapping[str, Rows]) -> Iterator[Chosen]:
    """The results with the values that `rows` lets through, one or several for a column.

    Raises:
        InputError: at the end, if nothing that was read has one of the columns.
    """
    values = {name: (only,) if isinstance(only, str | int) else tuple(only) for name, only in rows.items()}
    results = Chosen(root, tasks, seeds, values)
    yield results
    unknown = values.keys() - results.met
    if unknown:
        raise InputError(f"there is no column {', '.join(sorted(unknown))} in what was read: leave it out")


def part_of(experiment: str, part: Part) -> Any:
    """The module with what is shown of the experiment; InputError if it has no such part."""
    if experiment not in shown(part):
        raise InputError(f"{experiment} has no {part}: these have: {', '.join(shown(part))}")
    module: ModuleType = import_module(f"pipeline.reporting.{experiment}.{part}")
    return module
