"""The page as a browser shows it: nothing sticks out, tabs, dark, paper, and what assistive technology needs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pipeline.report import gathered
from pipeline.reporting.page import render_html
from pipeline.values.config import StageConfig
from pipeline.values.params import read_declaration, read_params
from pipeline.values.paths import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from pipeline.reporting.blocks import ReportContext

KEPT = SOURCE / "results/mini"
FIGURE = KEPT / "outputs/figures/pruning.svg"
HIDDEN = "[...document.querySelectorAll('.panel')].filter(panel => !panel.checkVisibility()).length"
CUT = "[...document.querySelectorAll('.table')].filter(one => one.scrollWidth > one.clientWidth).length"
WIDER = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture
def show(
    browser: Browser,
    report_context: ReportContext,
    effectiveness_statistics: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
) -> Iterator[Callable[..., Page]]:
    """`show(width, scheme)`: the report of two tasks, with a real figure, in a window of that width."""
    statistics = {**report_context.statistics, "effectiveness": effectiveness_statistics(tasks=["rte", "mnli"])}
    figures = dict.fromkeys(report_context.figures, FIGURE.read_text(encoding="utf-8"))
    context = dataclasses.replace(report_context, statistics=statistics, figures=figures)
    (tmp_path / "index.html").write_text(render_html(context), encoding="utf-8")
    pages = []

    def open_page(width: int = 1280, scheme: Literal["light", "dark"] = "light", *, unfolded: bool = True) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto((tmp_path / "index.html").as_uri())
        if unfolded:
            page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("width", [320, 600, 800, 1280])
def test_neither_the_page_nor_a_table_scrolls_to_the_side(show: Callable[..., Page], width: int) -> None:
    page = show(width)
    assert page.evaluate(WIDER) <= 0
    assert page.evaluate(CUT) == 0


def test_in_a_narrow_window_every_cell_says_what_it_is(show: Callable[..., Page]) -> None:
    cell = "document.querySelector('#claims td:nth-child(3)')"
    assert show(390).evaluate(f"getComputedStyle({cell}, '::before').content") == '"verdict"'
    assert show(1280).evaluate(f"getComputedStyle({cell}, '::before').content") == "none"


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """The address of the report of committed results, made anew, with all panels shown."""
    declared = read_declaration("report", SOURCE / "dvc.yaml").sections
    config = StageConfig(read_params(KEPT / "params.yaml"), stage="report", declared=declared)
    config.input_root = KEPT
    shown = "<style>.tabs > .panel { display: block !important }</style></head>"
    report = render_html(gathered(config)).replace("</head>", shown, 1)
    (tmp_path / "index.html").write_text(report, encoding="utf-8")
    return (tmp_path / "index.html").as_uri()


def test_a_real_report_prints_on_few_pages(browser: Browser, kept: str) -> None:
    page = browser.new_page()
    page.goto(kept)
    assert 5 < page.pdf(format="A4").count(b"/Type /Page\n") <= 20
    page.close()


def test_every_table_of_a_real_report_is_whole(browser: Browser, kept: str) -> None:
    for width in (390, 800, 1024, 1280, 1920):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(kept)
        page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
        assert page.locator(".table").count() > 80
        assert page.evaluate(CUT) == 0
        page.close()


def test_what_is_folded_opens_by_its_link_and_is_not_printed(show: Callable[..., Page]) -> None:
    page = show(unfolded=False)
    pruning = "document.querySelector('#pruning').checkVisibility()"
    assert not page.evaluate(pruning)
    short = page.pdf(format="A4").count(b"/Type /Page\n")
    page.get_by_role("link", name="Head pruning").click()
    assert page.evaluate(pruning)
    assert 0 < short < page.pdf(format="A4").count(b"/Type /Page\n")


def test_the_contents_stay_in_sight(show: Callable[..., Page]) -> None:
    page = show(1280)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert page.evaluate("document.querySelector('nav').getBoundingClientRect().top") >= 0
    assert page.evaluate("scrollY") > 1000


def test_claims_come_first(show: Callable[..., Page]) -> None:
    top = show(1280).evaluate("document.querySelector('#claims table').getBoundingClientRect().top")
    assert top < 900


def test_the_keyboard_moves_between_tabs_and_one_panel_is_shown(show: Callable[..., Page]) -> None:
    page = show()
    group = page.get_by_role("group", name="By task").first
    rte, mnli = group.get_by_role("radio", name="RTE"), group.get_by_role("radio", name="MNLI")
    shown = "group => [...group.querySelectorAll(':scope > .panel')].map(panel => panel.checkVisibility())"
    assert group.evaluate(shown) == [True, False]
    rte.focus()
    page.keyboard.press("ArrowRight")
    assert mnli.is_checked()
    assert group.evaluate(shown) == [False, True]
    page.get_by_text("RTE", exact=True).first.click()
    assert group.evaluate(shown) == [True, False]


def test_on_paper_everything_is_there_in_black_on_white(show: Callable[..., Page]) -> None:
    page = show(700, "dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(HIDDEN) > 0
    assert page.evaluate(paper) != "rgb(255, 255, 255)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(HIDDEN) == 0
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    assert page.evaluate(WIDER) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(show: Callable[..., Page], scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(show(1280, scheme)).response
    assert found["violations"] == []
    assert found["passes"]
