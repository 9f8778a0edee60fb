"""A token followed through the page: by pointer and focus at once, pinned by a click, and found again by a link."""

from typing import Any

import pytest
from viewer_tab import choose, page_of, settled
from views_by_hand import random_view

from attattr.viewer.view import View

PLACE = "#example=random-1&layer=2&head=3&tau=0.10"
TOKEN = 5


@pytest.fixture
def view() -> View:
    return random_view(1)


def edges(tab: Any, *, faint: bool) -> set[tuple[int, int]]:
    """The tree's edges that are faint, or that are not."""
    found = tab.locator("path.edge").evaluate_all(
        "all => all.map(one => [getComputedStyle(one).opacity < 0.5, one.dataset.query, one.dataset.key])"
    )
    return {(int(query), int(key)) for dim, query, key in found if dim == faint}


def rows(tab: Any) -> list[tuple[int, int, bool]]:
    """Of the table of edges query, key, and whether a row is marked."""
    found = tab.locator(".edges tbody tr").evaluate_all(
        "all => all.map(one => [one.dataset.query, one.dataset.key, getComputedStyle(one).backgroundColor])"
    )
    return [(int(query), int(key), colour != "rgba(0, 0, 0, 0)") for query, key, colour in found]


def bands(tab: Any) -> list[list[tuple[float, float, float, float]]]:
    """Of each map the frames around a row and a column, in cells: left, top, width, height."""
    return tab.locator("svg.map").evaluate_all(
        """all => all.map((one) => {
          const { left, top, cell } = one.querySelector(".cursor").dataset;
          const size = (rect, name, from) => (Number(rect.getAttribute(name)) - from) / cell;
          return [...one.querySelectorAll(".band")].map((rect) =>
            [size(rect, "x", left), size(rect, "y", top), size(rect, "width", 0), size(rect, "height", 0)]);
        })"""
    )


def check_followed(tab: Any, view: View, token: int | None) -> None:
    of_tree = {(edge.query, edge.key) for edge in view.explanations[0].trees[10].edges}
    own = {edge for edge in of_tree if token is None or token in edge}
    assert edges(tab, faint=False) == own
    assert edges(tab, faint=True) == of_tree - own
    assert all(marked == (token in (query, key)) for query, key, marked in rows(tab))
    assert bands(tab) == ([[]] * 2 if token is None else [[[token, 0, 1, 12], [0, token, 12, 1]]] * 2)
    ringed = tab.locator(".token").evaluate_all(
        "all => all.flatMap((one, place) => one.classList.contains('followed') ? [place] : [])"
    )
    assert ringed == ([] if token is None else [token])


def test_pointing_at_a_token_follows_it_everywhere_and_leaving_ends_it(opened: Any, view: View):
    tab = opened(page_of([view]), fragment=PLACE)
    assert len({(edge.query, edge.key) for edge in view.explanations[0].trees[10].edges if TOKEN in edge[:2]}) > 0
    check_followed(tab, view, None)
    sources = (".token", ".tree .name", "svg.map .row", "svg.map .column", ".edges td")
    for source in sources:
        tab.locator(f"{source}[data-token='{TOKEN}']").first.hover()
        check_followed(tab, view, TOKEN)
        tab.locator("h3").first.hover()
        check_followed(tab, view, None)


def test_the_keyboard_follows_too(opened: Any, view: View):
    tab = opened(page_of([view]), fragment=PLACE)
    tab.locator(".token").nth(TOKEN - 1).focus()
    tab.keyboard.press("Tab")
    check_followed(tab, view, TOKEN)
    tab.keyboard.press("Enter")
    settled(tab)
    assert tab.evaluate("document.activeElement.dataset.token") == str(TOKEN)
    assert all(TOKEN in row[:2] for row in rows(tab))
    tab.get_by_role("slider", name="Threshold tau").focus()
    check_followed(tab, view, TOKEN)


def pinned(tab: Any) -> list[str]:
    return tab.locator(".token[aria-pressed=true]").all_inner_texts()


def test_a_click_pins_filters_and_stands_in_the_link(opened: Any, view: View):
    tab = opened(page_of([view, random_view(2)]), fragment=PLACE)
    count = len(rows(tab))
    tab.locator(f".tree .name[data-token='{TOKEN}']").click()
    tab.locator("h3").first.hover()
    settled(tab)
    check_followed(tab, view, TOKEN)
    assert pinned(tab) == ["word5"]
    assert all(TOKEN in row[:2] for row in rows(tab))
    assert 0 < len(rows(tab)) < count
    link = tab.evaluate("location.hash")
    assert "&token=6" in link
    again = opened(page_of([view, random_view(2)]), fragment=link)
    check_followed(again, view, TOKEN)
    assert pinned(again) == ["word5"]
    assert rows(again) == rows(tab)
    # Another token under the pointer is followed for as long as it is there.
    again.locator(".token").nth(3).hover()
    again.locator("h3").first.hover()
    check_followed(again, view, TOKEN)
    # The same mechanism as the table's own choice.
    assert again.get_by_role("combobox", name="Only edges of a token").input_value() == str(TOKEN)
    again.get_by_role("combobox", name="Only edges of a token").select_option("any")
    settled(again)
    check_followed(again, view, None)
    assert pinned(again) == []
    assert len(rows(again)) == count
    assert "token" not in again.evaluate("location.hash")


def test_a_pin_is_undone_by_a_second_click_and_by_another_example(opened: Any, view: View):
    tab = opened(page_of([view, random_view(2)]), fragment=PLACE)
    for _ in range(2):
        tab.locator(".token").nth(TOKEN).click()
    settled(tab)
    assert pinned(tab) == []
    tab.locator(".token").nth(TOKEN).click()
    tab.locator("h3").first.hover()
    choose(tab, 1)
    assert pinned(tab) == []
    assert "token" not in tab.evaluate("location.hash")


@pytest.mark.parametrize("token", ["99", "0", "2.5", "nonsense", ""])
def test_a_link_to_no_token_pins_none(opened: Any, view: View, token: str):
    tab = opened(page_of([view]), fragment=f"{PLACE}&token={token}")
    check_followed(tab, view, None)
