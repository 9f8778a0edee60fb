"""The report as one self-contained HTML page and as Markdown."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.reporting.blocks import Block, Fold, Heading, Picture, ReportContext, Section, See, Table, Tabs
from pipeline.reporting.claims.section import figure_at, findings_section
from pipeline.reporting.experiments import SHOWN
from pipeline.reporting.plain import plain_section
from pipeline.reporting.sections.choices import choices_section
from pipeline.reporting.sections.citation import citation_section
from pipeline.reporting.sections.values import run_section, values_section
from pipeline.reporting.sections.viewer import examples_section
from pipeline.reporting.svg import embedded
from pipeline.reporting.table_text import Row, as_markdown, cell_text, heading, is_numeric, to_markdown

TEMPLATES = Path(__file__).parent / "templates"
LONG_TABLE = 5  # rows of one task, above which the page shows one task at a time; in all, above which they are folded
OF_EXAMPLES = ("heatmap_", "trees_")  # figures of single examples


def render_html(context: ReportContext) -> str:
    """The whole report as one page that loads nothing: styles inline, figures as data."""
    figures = {name: embedded(svg) for name, svg in context.figures.items()}
    sections = [_under_figures(one) for one in _sections(context)]
    sections = [replace(one, blocks=[_by_task(block) for block in one.blocks]) for one in sections]
    template = _environment(autoescape=True).get_template("page.html.j2")
    return template.render(title=context.title, made=context.made, sections=sections, figures=figures)


def render_markdown(context: ReportContext) -> str:
    """The report as Markdown, with its figures as links into `context.figure_folder`."""
    figures = {name: f"{context.figure_folder}/{name}.svg" for name in context.figures}
    template = _environment(autoescape=False).get_template("page.md.j2")
    sections = _sections(context)
    text = template.render(title=context.title, made=context.made, sections=sections, figures=figures)
    return text.rstrip() + "\n"


def _sections(context: ReportContext) -> list[Section]:
    # Of a kept run no model may have outcomes of some experiment.
    claims, *experiments = [
        _scripted(_section(name)(context), name) for name in SHOWN if context.records.get(name) != []
    ]
    findings = findings_section(context, {one.name: one for section in experiments for one in _pictures(section)})
    elsewhere = _places(findings)
    experiments = [replace(one, blocks=[_once(block, elsewhere) for block in one.blocks]) for one in experiments]
    opening = [claims, findings, examples_section(context)]
    details = [run_section(context), *experiments, choices_section(context), values_section(context)]
    folded = [replace(one, folded=True) for one in details]
    return [_shown(one) for one in (*opening, *folded, citation_section(context))]


def _scripted(section: Section, experiment: str) -> Section:
    """The section with the file that draws each of its figures."""

    def script(name: str) -> str:
        part = "examples" if name.startswith(OF_EXAMPLES) else "plots"
        return f"pipeline/reporting/{experiment}/{part}.py"

    def named(block: Block) -> Block:
        if isinstance(block, Tabs):
            return replace(block, panels={name: [*map(named, inner)] for name, inner in block.panels.items()})
        return replace(block, script=script(block.name)) if isinstance(block, Picture) else block

    return replace(section, blocks=[named(one) for one in section.blocks])


def _pictures(section: Section) -> list[Picture]:
    return [block for block in section.blocks if isinstance(block, Picture)]


def _places(findings: Section) -> dict[str, Heading]:
    """The headings under which the figures of the findings stand."""
    places: dict[str, Heading] = {}
    heading = None
    for block in findings.blocks:
        if isinstance(block, Heading):
            heading = block
        elif isinstance(block, Picture) and heading:
            places[block.name] = heading
    return places


def _once(block: Block, elsewhere: Mapping[str, Heading]) -> Block:
    """A figure that stands at a claim is not shown a second time."""
    if isinstance(block, Picture) and block.name in elsewhere:
        return figure_at(block.name, elsewhere[block.name])
    return block


def _section(experiment: str) -> Callable[[ReportContext], Section]:
    if "section" not in SHOWN[experiment]:
        return plain_section(experiment)
    return import_module(f"pipeline.reporting.{experiment}.section").section


def _shown(section: Section) -> Section:
    """Without tables that have nothing to tell in this run."""
    return replace(section, blocks=[one for one in section.blocks if not isinstance(one, Table) or one.rows])


def _under_figures(section: Section) -> Section:
    """A section that is folded and has figures, its long tables folded, too, each under what it shows."""
    if not section.folded or not any(isinstance(one, Picture | See) for one in section.blocks):
        return section

    def folded(block: Block) -> Block:
        return Fold(block.caption, [block]) if isinstance(block, Table) and len(block.rows) > LONG_TABLE else block

    return replace(section, blocks=[folded(one) for one in section.blocks])


def _by_task(block: Block) -> Block:
    """A long table as tabs named by its column of tasks; the tables in tabs and folds likewise."""
    if isinstance(block, Fold):
        return replace(block, blocks=[_by_task(one) for one in block.blocks])
    if isinstance(block, Tabs):
        return replace(block, panels={name: [_by_task(one) for one in blocks] for name, blocks in block.panels.items()})
    if not isinstance(block, Table) or "task" not in block.rows[0]:
        return block
    tasks: dict[str, list[Row]] = {}
    for row in block.rows:
        others = {name: cell for name, cell in row.items() if name != "task"}
        tasks.setdefault(cell_text("task", row["task"]), []).append(others)
    if len(tasks) == 1 or max(map(len, tasks.values())) <= LONG_TABLE:
        return block
    return Tabs("task", {name: [replace(block, rows=rows)] for name, rows in tasks.items()})


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "prose": _prose,
        "unbroken": _unbroken,
        "markdown": as_markdown,
        "markdown_table": to_markdown,
    }
    environment.globals |= {"cell_text": cell_text, "heading": heading, "is_numeric": is_numeric}
    return environment


def _prose(text: str) -> Markup:
    """Escaped text in which `backticks` have become <code>, and no line ends before a per-cent sign."""
    html = str(escape(text)).replace(" %", "\N{NO-BREAK SPACE}%")
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html))  # noqa: S704 (escaped above)


def _unbroken(text: str) -> str:
    """A cell whose line may end before a verdict but not inside an interval."""
    return re.sub(r"\S \[\S+, \S+\]", lambda interval: interval[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
