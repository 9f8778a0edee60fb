"""What a report consists of: the results that go in, and the headings, paragraphs, tables and figures that come out.

Sections (`pipeline/reporting/sections/`) make these blocks from a `ReportContext`; `page.py` turns them into HTML and
Markdown. In texts, backticks mark code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pipeline.reporting.table_text import Row


@dataclass(frozen=True)
class ReportContext:
    """Everything that the report is made of.

    `overrides` are (key, the preset's value, the value); `splits` maps a task to the number of examples of each split;
    `parameters` are the sections of params.yaml, `records` what was found in each experiment, one record per model,
    `statistics` what the models of a task came to together;
    `completeness` has one row per task, seed and layer; `figures` maps the names of the files of the `figures` stage to
    SVG texts, which report.md finds in `figure_folder`, relative to itself; `examples` are those of the viewer, packed;
    `replicates` say where the models of a kept run are from; `made` says of which commits and date a kept
    run is, empty where nobody knows, and of a run that is not kept its name, a digest of its values and source.
    """

    title: str
    preset: str
    overrides: Sequence[tuple[str, Any, Any]]
    model: str
    seeds: Sequence[int]
    splits: Mapping[str, Mapping[str, int]]
    parameters: Mapping[str, Any]
    records: Mapping[str, Sequence[Mapping[str, Any]]]
    statistics: Mapping[str, Sequence[Mapping[str, Any]]]
    completeness: Sequence[Mapping[str, Any]]
    figures: Mapping[str, str]
    examples: Sequence[Mapping[str, Any]] = ()
    replicates: Sequence[Mapping[str, Any]] = ()
    made: str = ""
    figure_folder: str = "../figures"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Table:
    """A table under what it shows; without rows it is left out."""

    caption: str
    rows: Sequence[Row]
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Picture:
    """A figure of `ReportContext.figures`; `alt` says what someone who cannot see it should know.

    `stage` measured what is drawn, and the file `script` draws it: `page.py` knows it.
    """

    name: str
    alt: str
    caption: str
    stage: str
    script: str = ""
    kind: ClassVar[str] = "picture"

    @property
    def command(self) -> str:
        """What draws this figure alone, from what has been measured."""
        return f"python -m pipeline.commands.figure {self.name}"


@dataclass(frozen=True)
class Code:
    """Text to be copied as it is."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Html:
    """Self-contained markup that is put into the page as it is, unescaped; Markdown has its caption and a link."""

    markup: str
    caption: str
    kind: ClassVar[str] = "html"


@dataclass(frozen=True)
class Tabs:
    """Blocks of which the page shows one panel at a time, by the panels' names; on paper and in Markdown all of them.

    `by` says what the names are: tasks, claims.
    """

    by: str
    panels: Mapping[str, Sequence["Block"]]
    kind: ClassVar[str] = "tabs"


@dataclass(frozen=True)
class Heading:
    """A heading within a section, its anchor, and the short name by which the contents link to it."""

    text: str
    anchor: str
    short: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class See:
    """Where the figure stands that belongs here, too: under the heading of this anchor."""

    text: str
    anchor: str
    kind: ClassVar[str] = "see"


@dataclass(frozen=True)
class Fold:
    """Blocks that the page shows when their summary is pressed; Markdown has them below it."""

    summary: str
    blocks: Sequence["Block"]
    kind: ClassVar[str] = "fold"


Block = Text | Table | Picture | Code | Html | Tabs | Heading | See | Fold


@dataclass(frozen=True)
class Section:
    """A heading, the anchor that links lead to, and what stands below it: on the page folded, where it is a detail."""

    anchor: str
    heading: str
    blocks: Sequence[Block]
    folded: bool = False
