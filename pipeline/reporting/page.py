"""The report as one self-contained HTML page and as Markdown."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.reporting.blocks import ReportContext, Section, Table
from pipeline.reporting.claims.section import claim_details
from pipeline.reporting.experiments import SHOWN
from pipeline.reporting.plain import plain_section
from pipeline.reporting.sections.choices import choices_section
from pipeline.reporting.sections.citation import citation_section
from pipeline.reporting.sections.values import run_section, values_section
from pipeline.reporting.table_text import cell_text, heading, is_numeric, to_markdown

TEMPLATES = Path(__file__).parent / "templates"


def render_html(context: ReportContext) -> str:
    """The whole report as one page that loads nothing: styles inline, figures as data."""
    figures = {name: _data_uri(svg) for name, svg in context.figures.items()}
    return _render(_environment(autoescape=True), "page.html.j2", context, figures=figures)


def render_markdown(context: ReportContext) -> str:
    """The report as Markdown, with its figures as links into `context.figure_folder`."""
    figures = {name: f"{context.figure_folder}/{name}.svg" for name in context.figures}
    return _render(_environment(autoescape=False), "page.md.j2", context, figures=figures).rstrip() + "\n"


def _render(environment: Environment, template: str, context: ReportContext, *, figures: dict[str, str]) -> str:
    claims, *experiments = [_section(name) for name in SHOWN]
    opening, closing = [claims, run_section, claim_details], [choices_section, values_section, citation_section]
    everything = [*opening, *experiments, *closing]
    sections = [_shown(section(context)) for section in everything]
    return environment.get_template(template).render(title=context.title, sections=sections, figures=figures)


def _section(experiment: str) -> Callable[[ReportContext], Section]:
    if "section" not in SHOWN[experiment]:
        return plain_section(experiment)
    return import_module(f"pipeline.reporting.{experiment}.section").section


def _shown(section: Section) -> Section:
    """Without tables that have nothing to tell in this run."""
    return replace(section, blocks=[one for one in section.blocks if not isinstance(one, Table) or one.rows])


def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"prose": _prose, "unbroken": _unbroken, "markdown_table": to_markdown}
    environment.globals |= {"cell_text": cell_text, "heading": heading, "is_numeric": is_numeric}
    return environment


def _prose(text: str) -> Markup:
    """Escaped text in which `backticks` have become <code>, and no line ends before a per-cent sign."""
    html = str(escape(text)).replace(" %", "\N{NO-BREAK SPACE}%")
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html))  # noqa: S704 (escaped above)


def _unbroken(text: str) -> str:
    """A cell whose line may end before a verdict but not inside an interval."""
    return re.sub(r"\S \[\S+, \S+\]", lambda interval: interval[0].replace(" ", "\N{NO-BREAK SPACE}"), text)


def _data_uri(svg: str) -> str:
    """As an image of its own, so that element ids and styles of several figures cannot collide."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
