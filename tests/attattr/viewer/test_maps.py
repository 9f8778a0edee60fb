"""The two heat maps: side by side with one cursor, and without the rows that are empty."""

from dataclasses import replace
from typing import Any

import pytest
from viewer_tab import page_of, settled
from views_by_hand import random_view

from attattr.viewer.view import View

PLACE = "#example=random-4&layer=2&head=3"
FULL = [0, 2, 3, 7, 11]


@pytest.fixture
def sparse() -> View:
    """An example of which one head has attribution in a few rows alone: the largest 1, another 0.02, others 0.004."""
    view = random_view(4)
    one = view.explanations[0]
    scores = one.attribution.clone()
    scores[1, 2] = 0.004
    for query in FULL:
        scores[1, 2, query, 5] = -0.02
    scores[1, 2, 3, 5] = 1.0
    return replace(view, explanations=(replace(one, attribution=scores),))


def rows(tab: Any) -> list[list[int]]:
    """Of each map the queries that are shown."""
    return [
        [int(place) for place in one.locator(".row").evaluate_all("all => all.map(row => row.dataset.token)")]
        for one in tab.locator("svg.map").all()
    ]


def cursors(tab: Any) -> list[tuple[float, float]]:
    """Of each map where its cursor is, from its own corner."""
    return [
        tuple(one.locator(".cursor").evaluate("one => ['x', 'y'].map(name => Number(one.getAttribute(name)))"))
        for one in tab.locator("svg.map").all()
    ]


def test_empty_rows_are_folded_in_both_maps_and_a_switch_shows_them(opened: Any, sparse: View):
    tab = opened(page_of([sparse]), fragment=PLACE)
    assert rows(tab) == [FULL, FULL]
    words = "7 of 12 rows are folded: their attributions are below 1 % of the map's largest."
    assert tab.locator(".maps .folded").inner_text() == words
    tab.get_by_label("all rows").check()
    settled(tab)
    assert rows(tab) == [list(range(12))] * 2
    assert tab.locator(".maps .folded").inner_text() == ""
    again = opened(page_of([sparse]), fragment=tab.evaluate("location.hash"))
    assert rows(again) == [list(range(12))] * 2


def test_a_map_whose_rows_are_all_full_or_all_empty_folds_none(opened: Any, sparse: View):
    one = sparse.explanations[0]
    nothing = one.attribution.clone()
    nothing[0] = 0
    tab = opened(page_of([replace(sparse, explanations=(replace(one, attribution=nothing),))]), fragment=PLACE)
    assert tab.get_by_label("all rows").is_visible()
    tab.keyboard.press("ArrowUp")
    settled(tab)
    assert rows(tab) == [list(range(12))] * 2
    assert not tab.get_by_label("all rows").is_visible()


def test_pointer_and_keys_pass_over_folded_rows(opened: Any, sparse: View):
    tab = opened(page_of([sparse]), fragment=PLACE)
    tab.locator("svg.map").last.focus()
    for _ in range(3):
        tab.keyboard.press("ArrowDown")
    assert tab.locator(".maps .note").last.inner_text().startswith("word7 reads [CLS]: ")
    box = tab.locator("svg.map .cursor").last.bounding_box()
    tab.mouse.move(box["x"] + 5.5 * box["width"], box["y"] - box["height"] / 2)
    words = tab.locator(".maps .note").last.inner_text()
    assert words.startswith("word3 reads word5: ")
    assert "attribution 1. " in words


@pytest.mark.parametrize("tokens", [12, 60])
def test_the_maps_stand_side_by_side_with_one_cursor(opened: Any, tokens: int):
    tab = opened(page_of([random_view(4, tokens=tokens)]), fragment=PLACE)
    left, right = (one.bounding_box() for one in tab.locator(".maps .frame").all())
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    for one in tab.locator("svg.map").all():
        one.scroll_into_view_if_needed()
        before, box = cursors(tab), one.locator("image").bounding_box()
        tab.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 4)
        after = cursors(tab)
        assert after[0] == after[1] != before[0]
        one.focus()
        tab.keyboard.press("ArrowRight")
        assert cursors(tab)[0] == cursors(tab)[1] != after[0]


def test_maps_wider_than_their_frames_scroll_together(opened: Any):
    tab = opened(page_of([random_view(4, tokens=120)]), fragment=PLACE)
    frames = "[...document.querySelectorAll('.maps .frame')]"
    tab.evaluate(f"{frames}[0].scrollTo(200, 100)")
    settled(tab)
    assert tab.evaluate(f"{frames}.map(one => [one.scrollLeft, one.scrollTop])") == [[200, 100]] * 2
