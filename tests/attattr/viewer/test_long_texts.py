"""The tree of a text wider than the page: its own tokens, layers that stay in sight, the root in the middle."""

from typing import Any

import pytest
from viewer_tab import drawn_edges, page_of, set_slider, settled
from views_by_hand import random_view

from attattr.viewer.view import View

FRAME = "document.querySelector('.tree .frame')"
LEFT = "document.querySelector('.tree .{}').getBoundingClientRect().left"


@pytest.fixture(scope="module")
def long_view() -> View:
    return random_view(1, tokens=120)


def names(tab: Any) -> list[int]:
    return [int(place) for place in tab.locator(".tree .name").evaluate_all("all => all.map(one => one.dataset.token)")]


def tokens_of_tree(view: View, step: int) -> list[int]:
    tree = view.explanations[0].trees[step]
    return sorted({0, tree.root or 0, *(edge.key for edge in tree.edges), *(edge.query for edge in tree.edges)})


@pytest.mark.parametrize("step", [40, 60, 80])
def test_only_the_tokens_of_the_tree_stand_there_and_they_fit(opened: Any, long_view: View, step: int):
    tab = opened(page_of([long_view]), fragment=f"#example=random-1&tau={step / 100}")
    own = tokens_of_tree(long_view, step)
    assert names(tab) == own
    assert len(own) < 30
    assert tab.evaluate(f"{FRAME}.scrollWidth <= {FRAME}.clientWidth")
    # A sign wherever tokens between neighbours are left out, and it says how many.
    ends = [*own, 120]
    left_out = [after - before - 1 for before, after in zip([-1, *own], ends, strict=True) if after - before > 1]
    said = tab.locator(".tree .skipped title").evaluate_all("all => all.map(one => parseInt(one.textContent))")
    assert said == left_out


def test_all_tokens_are_a_switch_that_stands_in_the_link(opened: Any, long_view: View):
    tab = opened(page_of([long_view]), fragment="#example=random-1&tau=0.6")
    tab.get_by_label("all tokens").check()
    settled(tab)
    assert names(tab) == list(range(120))
    assert tab.locator(".tree .skipped").count() == 0
    link = tab.evaluate("location.hash")
    again = opened(page_of([long_view]), fragment=link)
    assert names(again) == list(range(120))
    again.get_by_label("all tokens").uncheck()
    settled(again)
    assert names(again) == tokens_of_tree(long_view, 60)
    assert "tokens" not in again.evaluate("location.hash")
    edges = long_view.explanations[0].trees[60].edges
    assert drawn_edges(again) == drawn_edges(tab) == sorted((edge.query, edge.key, edge.layer) for edge in edges)


def test_a_text_that_fits_has_all_its_tokens_and_no_switch(opened: Any):
    tab = opened(page_of([random_view(2)]))
    assert names(tab) == list(range(12))
    assert not tab.get_by_label("all tokens").is_visible()
    # In a window that becomes narrow it fits no more.
    tab.set_viewport_size({"width": 300, "height": 900})
    tab.get_by_label("all tokens").wait_for()
    assert names(tab) == tokens_of_tree(random_view(2), 40)


def root_is_central(tab: Any) -> bool:
    """Whether the root is in the middle of what is in sight beside the layers, or as near as scrolling goes."""
    return tab.evaluate(
        """() => {
          const frame = document.querySelector(".tree .frame");
          const box = frame.getBoundingClientRect();
          const root = frame.querySelector("circle[r='7']").getBoundingClientRect();
          const names = frame.querySelector(".layers").getBoundingClientRect().width;
          const off = (root.left + root.right) / 2 - (box.left + names + box.right) / 2;
          const most = frame.scrollWidth - frame.clientWidth;
          return Math.abs(off) < 2 || (off < 0 && frame.scrollLeft <= 1) || (off > 0 && frame.scrollLeft >= most - 1);
        }"""
    )


def test_names_of_layers_stay_and_the_root_is_central_after_every_change(opened: Any, long_view: View):
    tab = opened(page_of([long_view]), fragment="#example=random-1&tau=0.5&tokens=all")
    assert root_is_central(tab)
    inside = tab.evaluate(LEFT.format("frame"))

    def scroll_away() -> None:
        for place in (0, 100_000):
            tab.evaluate(f"{FRAME}.scrollLeft = {place}")
            assert tab.evaluate(LEFT.format("layers")) == pytest.approx(inside, abs=1)
        assert not root_is_central(tab)

    def narrow() -> None:
        tab.get_by_role("spinbutton", name="Last layer shown").fill("2")
        tab.keyboard.press("Enter")

    changes = [
        lambda: set_slider(tab, 30),
        narrow,
        lambda: tab.get_by_role("button", name="positive").click(),
        lambda: tab.evaluate("location.hash = '#example=random-1&tau=0.3&tokens=all'"),
    ]
    for change in changes:
        scroll_away()
        change()
        settled(tab)
        assert root_is_central(tab)
