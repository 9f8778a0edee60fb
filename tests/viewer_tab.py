"""The viewer's page in a tab of a browser, for tests of what it shows."""

from typing import Any

from attattr.viewer.pack import packed
from attattr.viewer.page import viewer_page
from attattr.viewer.view import View


def page_of(views: list[View], **settings: Any) -> str:
    return viewer_page(packed(views), title="Viewer", **settings)


def settled(tab: Any) -> None:
    """Wait until what was asked for is drawn: examples are unpacked in the background."""
    tab.evaluate("new Promise((done) => setTimeout(() => requestAnimationFrame(done)))")
    tab.wait_for_function("!document.querySelector('.viewer[aria-busy=true]')")


def set_slider(tab: Any, step: int) -> None:
    tab.get_by_role("slider", name="Threshold tau").fill(str(step))
    settled(tab)


def choose(tab: Any, example: int) -> None:
    before = tab.locator(".viewer").get_attribute("data-drawn")
    tab.get_by_role("combobox", name="Example").select_option(str(example))
    tab.wait_for_function(f"document.querySelector('.viewer').dataset.drawn !== '{before}'")


def drawn_edges(tab: Any) -> list[tuple[int, ...]]:
    found = tab.evaluate(
        "[...document.querySelectorAll('path.edge')].map(({ dataset }) => [dataset.query, dataset.key, dataset.layer])"
    )
    return sorted(tuple(map(int, edge)) for edge in found)
