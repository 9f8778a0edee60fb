"""What is shown of an experiment that has no section of its own: all its statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.reporting.blocks import Section, Table
from pipeline.reporting.statistics import statistic_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.reporting.blocks import ReportContext


def plain_section(experiment: str) -> Callable[[ReportContext], Section]:
    """The section of an experiment under its name."""

    def section(context: ReportContext) -> Section:
        rows = statistic_rows(context.statistics[experiment])
        heading = experiment.replace("_", " ").capitalize()
        return Section(experiment, heading, [Table("All statistics, over the models of a task.", rows)])

    return section
