"""The page in a browser: what it shows is what was computed, text stays text, keys and links work, files hold it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from viewer_tab import choose, drawn_edges, page_of, set_slider, settled
from views_by_hand import random_view

from attattr.viewer.characters import told_apart
from attattr.viewer.tree_words import tree_words
from attattr.viewer.view import THRESHOLDS, View
from attattr.viewer.words import answer

GRID = range(0, 100, 10)
HOSTILE = (
    "<img src=x onerror=document.title='broken'>",
    "</script><script>document.title='broken'</script>",
    "&lt;b&gt;",
)


# In the page, as a call from outside for each of hundreds of states would take most of the time.
EDGES_BY_STEP = """async (steps) => {
  const found = [];
  for (const step of steps) {
    const slider = document.querySelector("input[type=range]");
    slider.value = step;
    slider.dispatchEvent(new Event("input"));
    await new Promise((done) => setTimeout(done));
    const edges = [...document.querySelectorAll("path.edge")];
    found.push(edges.map(({ dataset }) => [dataset.query, dataset.key, dataset.layer].map(Number)));
  }
  return found;
}"""


def check_trees(tab: Any, views: list[View]) -> int:
    count = 0
    for number, view in enumerate(views):
        if number:
            choose(tab, number)
        for step, drawn in zip(GRID, tab.evaluate(EDGES_BY_STEP, list(GRID)), strict=True):
            edges = view.explanations[0].trees[step].edges
            assert sorted(map(tuple, drawn)) == sorted((edge.query, edge.key, edge.layer) for edge in edges)
            count += len(edges)
    return count


def test_at_every_threshold_the_edges_are_those_of_the_tree(opened: Any, random_views: list[View]):
    assert check_trees(opened(page_of(random_views)), random_views) > 500


def test_the_trees_of_real_sentences_too(opened: Any, real_views: list[View]):
    assert check_trees(opened(page_of(real_views)), real_views) > 100


def test_a_range_of_layers_hides_the_other_edges(opened: Any):
    view = random_view(3)
    tab = opened(page_of([view]), fragment="#example=random-3&tau=0.00&layers=2-3")
    whole = view.explanations[0].trees[0].edges
    assert drawn_edges(tab) == sorted((e.query, e.key, e.layer) for e in whole if 1 <= e.layer <= 2)
    assert 0 < len(drawn_edges(tab)) < len(whole)


def test_the_other_class_has_its_own_trees(opened: Any):
    view = random_view(5)
    tab = opened(page_of([view]))
    tab.get_by_role("button", name="positive").click()
    settled(tab)
    edges = view.explanations[1].trees[40].edges
    assert drawn_edges(tab) == sorted((edge.query, edge.key, edge.layer) for edge in edges)
    assert edges != view.explanations[0].trees[40].edges


def test_shares_are_those_of_the_threshold(opened: Any):
    tab = opened(page_of([random_view(1)]))
    set_slider(tab, 80)
    row = tab.locator("table.shares tr", has_text="this tree").inner_text().split()
    assert row[-2:] == ["0.7", "0.80"]
    assert "−0.20 to 0.40" in tab.locator("table.shares").inner_text()


def test_hostile_tokens_stay_text(opened: Any):
    view = random_view(2)
    view = replace(view, tokens=["[CLS]", *HOSTILE, *view.tokens[4:]], name=HOSTILE[0], classes=[HOSTILE[1], "b"])
    tab = opened(page_of([view], tau=0.0))
    assert tab.title() == "Viewer"
    assert [button.inner_text() for button in tab.locator(".token").all()[1:4]] == list(HOSTILE)
    assert tab.locator("img").count() == 0
    tab.get_by_role("combobox", name="Which edges").select_option("tree")
    settled(tab)
    assert tab.title() == "Viewer"
    assert tab.evaluate("document.scripts.length") == 2


def test_arrows_move_head_layer_and_example(opened: Any):
    tab = opened(page_of([random_view(1), random_view(2)]), fragment="#example=random-1&layer=2&head=2")

    def address() -> str:
        settled(tab)
        return unquote(tab.evaluate("location.hash"))

    tab.keyboard.press("ArrowRight")
    assert "layer=2&head=3" in address()
    tab.keyboard.press("ArrowRight")
    assert "layer=2&head=all" in address()
    tab.keyboard.press("ArrowRight")
    assert "layer=2&head=all" in address()
    tab.keyboard.press("ArrowUp")
    assert "layer=1&head=all" in address()
    tab.keyboard.press("Shift+ArrowRight")
    assert "example=random-2" in address()
    assert tab.get_by_role("combobox", name="Example").input_value() == "1"


def test_everything_can_be_reached_by_the_keyboard(opened: Any):
    tab = opened(page_of([random_view(1), random_view(2)]))
    reached = set()
    for _ in range(120):
        tab.keyboard.press("Tab")
        reached.add(
            tab.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
        )
    asked = tab.evaluate(
        "[...document.querySelectorAll('.viewer :is(button:not(:disabled), select, input, summary, [tabindex=\"0\"])')]"
        ".filter((one) => one.checkVisibility()).map((one) => one.getAttribute('aria-label') ?? one.innerText)"
    )
    assert len(asked) > 30
    assert set(asked) <= reached


def test_the_grid_keeps_the_focus_while_arrows_move_in_it(opened: Any):
    tab = opened(page_of([random_view(1)]), fragment="#example=random-1&layer=2&head=2")
    tab.locator("[role=gridcell][tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown"):
        tab.keyboard.press(key)
        settled(tab)
    assert tab.evaluate("document.activeElement.getAttribute('aria-label')").startswith("layer 3, head 3")


def test_a_map_tells_the_value_under_the_pointer_and_under_the_keys(opened: Any):
    view = random_view(4)
    tab = opened(page_of([view]), fragment="#example=random-4&layer=2&head=3")
    tab.locator("svg.map").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        tab.keyboard.press(key)
    words = tab.locator(".maps .note").last.inner_text()
    assert words.startswith("word2 reads word1: ")
    value = float(words.partition("attribution ")[2].partition(". ")[0].replace("−", "-"))
    scores = view.explanations[0].attribution[1, 2]
    assert value == pytest.approx(float(scores[2, 1]), abs=float(scores.abs().max()) / 127)
    box = tab.locator("svg.map .cursor").first.bounding_box()
    tab.mouse.move(box["x"] + 1.5 * box["width"], box["y"] + box["height"] / 2)
    assert tab.locator(".maps .note").last.inner_text().startswith("word2 reads word2: ")


def test_a_link_leads_to_what_was_looked_at(opened: Any):
    views = [random_view(1), random_view(2)]
    tab = opened(page_of(views), fragment="#example=random-2&class=positive&layer=3&head=1&tau=0.23&layers=1-3")
    assert tab.get_by_role("slider", name="Threshold tau").input_value() == "23"
    assert tab.get_by_role("button", name="positive").get_attribute("aria-pressed") == "true"
    assert tab.locator("[aria-selected=true]").get_attribute("aria-label").startswith("layer 3, head 1")
    tab.evaluate("location.hash = '#example=random-1&tau=0.5'")
    tab.wait_for_function("document.querySelector('select[aria-label=Example]').value === '0'")
    tab.evaluate("location.hash = '#example=nowhere&tau=0.9'")
    settled(tab)
    assert tab.get_by_role("slider", name="Threshold tau").input_value() == "50"
    tab.evaluate("location.hash = '#example=random-1&tau=nonsense&layer=99&head=-4&layers=x-y'")
    settled(tab)
    assert drawn_edges(tab) == sorted((e.query, e.key, e.layer) for e in views[0].explanations[0].trees[0].edges)


def test_edges_are_sorted_and_filtered(opened: Any):
    tab = opened(page_of([random_view(1)]))
    values = [float(text.replace("−", "-")) for text in tab.locator(".edges td:last-child").all_inner_texts()]
    assert [abs(value) for value in values] == sorted((abs(value) for value in values), reverse=True)
    tab.get_by_role("combobox", name="Only edges of a token").select_option("word1")
    settled(tab)
    rows = [row.split()[:2] for row in tab.locator(".edges tbody tr").all_inner_texts()]
    assert rows
    assert all("word1" in row for row in rows)  # and not of word10
    tab.get_by_role("button", name="layer", exact=True).click()
    settled(tab)
    layers = [int(text) for text in tab.locator(".edges td:nth-child(3)").all_inner_texts()]
    assert layers == sorted(layers)


@pytest.mark.parametrize("count", [5, 6])
def test_unknown_words_are_marked_and_above_one_half_no_tree_is_shown(opened: Any, count: int):
    view = replace(random_view(2, tokens=12), unknown=tuple(range(1, count + 1)))
    tab = opened(page_of([view, random_view(1)]))
    assert f"{count} of 10 tokens are unknown to the model" in tab.locator("header").inner_text()
    assert tab.locator(".token.unknown").all_inner_texts() == view.tokens[1 : count + 1]
    shown = count == 5
    for place in (".tree svg", ".tree input[type=range]", ".carried", ".heads", ".maps", ".edges"):
        assert tab.locator(place).first.is_visible() is shown
    assert ("--model" in tab.locator(".tree").inner_text()) is not shown
    choose(tab, 1)
    assert tab.locator(".tree svg").first.is_visible()
    assert "unknown" not in tab.locator("header").inner_text()


def labels_of(found: Any) -> list[str]:
    return [one.get_attribute("aria-label") for one in found.all()]


@pytest.mark.parametrize("what", ["tree", "heads", "maps", "recovered share"])
def test_a_panel_is_saved_as_picture_and_numbers(opened: Any, tmp_path: Path, what: str):
    view = random_view(1)
    tab = opened(page_of([view]), fragment="#example=random-1&layer=2&head=3&tau=0.30")

    def saved(kind: str) -> Path:
        with tab.expect_download() as download:
            tab.get_by_role("button", name=f"Save {what} as {kind}").click()
        return download.value.path()

    drawing = ElementTree.parse(saved("SVG")).getroot()
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(drawing.iter())) > 5
    said = " ".join(element.text or "" for element in drawing if element.tag.endswith("}text"))
    assert said.startswith(f"{' '.join(view.tokens[1:-1])} Explained: negative, probability 0.75 ")
    assert ("τ = 0.30. Carries" in said) == (what == "tree")
    assert ("The tree at threshold 0.30" in said) == (what == "recovered share")
    assert any(colour in said for colour in ("Blue", "Large dot"))
    assert saved("PNG").read_bytes().startswith(b"\x89PNG")
    content = json.loads(saved("JSON").read_text())
    assert content["example"] == "random-1"
    assert (content["layer"], content["head"], content["tau"]) == (1, 2, 0.3)
    if what == "tree":
        edges = [(edge["query"], edge["key"], edge["layer"]) for edge in content["edges"]]
        tree = view.explanations[0].trees[30]
        assert edges == [(e.query, e.key, e.layer) for e in tree.edges]
        assert [edge["readout"] for edge in content["edges"]] == [edge not in tree.inner for edge in tree.edges]
    if what == "maps":
        scores = view.explanations[0].attribution[1, 2]
        assert content["attribution"][2] == pytest.approx(
            scores[2].tolist(), abs=2 * content["rounded_to"]["attribution"]
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 600])
def test_nothing_serious_for_readers_with_other_eyes_and_hands(opened: Any, scheme: str, width: int):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    tab = opened(page_of([random_view(1, classes=3), random_view(2)]), width=width, scheme=scheme)
    found = axe.Axe().run(tab).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


# Long words, all tokens and rows, a warning, open details: what could be too wide.
@pytest.mark.parametrize("tokens", [12, 120])
@pytest.mark.parametrize("width", [390, 600, 1280])
def test_the_page_never_scrolls_to_the_side(opened: Any, width: int, tokens: int):
    view = random_view(3, tokens=tokens, layers=6, heads=12, classes=3)
    own = replace(view.explanations[0], unconverged=[False, True, False, False, False, False])
    names = ["[CLS]", "pneumonoultramicroscopicsilicovolcanoconiosis", *view.tokens[2:]]
    open_one = replace(view, tokens=names, explanations=(own, *view.explanations[1:]), unknown=(1, 2, 3))
    tab = opened(page_of([open_one, view]), width=width)
    for example in (0, 1):
        if example:
            choose(tab, example)
        tab.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        for box in tab.get_by_role("checkbox").all():
            box.set_checked(checked=True)
        settled(tab)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        # Nor does anything stick out of the page without scrolling.
        wide = tab.evaluate(
            "[...document.querySelectorAll('.viewer-panels > *, header > *, .convergence > *, .frame')]"
            ".filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.className)"
        )
        assert wide == []


def test_orange_is_for_nothing_but_what_speaks_against(opened: Any):
    tab = opened(page_of([random_view(1)]))
    probe = "(() => { const one = document.createElement('i'); one.style.color = 'var(--viewer-negative)';"
    probe += " document.querySelector('.viewer').append(one); return getComputedStyle(one).color; })()"
    orange = tab.evaluate(probe).replace(" ", "")
    strokes = tab.locator(".carried :is(polyline, line)").evaluate_all(
        "all => all.map(one => one.getAttribute('stroke'))"
    )
    assert len(set(strokes)) >= 5
    assert orange not in strokes


def test_what_has_not_converged_is_said(opened: Any):
    view = random_view(1)
    own = replace(view.explanations[0], unconverged=[False, True, False, False])
    tab = opened(page_of([replace(view, explanations=(own,))]))
    assert "Not converged in layer 2" in tab.locator(".convergence").inner_text()
    well = opened(page_of([view]))
    assert well.locator(".convergence").inner_text().strip() == "Converged: estimated error at most 0.4 %."
    well.locator(".convergence summary").click()
    assert "Completeness gap: at most" in well.locator(".convergence").inner_text()


def test_the_answer_and_the_verdict_are_those_of_words(opened: Any):
    view = random_view(7)
    tab = opened(page_of([view]))
    for place, one in enumerate(view.explanations):
        if place:
            tab.get_by_role("button", name="positive").click()
        for step in (0, 40, 90):
            set_slider(tab, step)
            lower = reversed(list(zip(THRESHOLDS, one.trees, strict=True))[:step])
            how: Any = {"tau": step / 100, "carried": one.shares[step], "lower": lower}
            words = tree_words(view, one, one.trees[step], **how)
            assert tab.locator(".answer").inner_text() == f"{answer(view, one, one.shares[0])} {words.sentence}"
            assert tab.locator(".verdict").inner_text() == words.verdict
            assert words.level in (tab.locator(".verdict").get_attribute("class") or "").split()


def test_no_share_is_given_where_all_edges_together_speak_against_it(opened: Any):
    view = random_view(1)
    own = view.explanations[0]
    turned = replace(own, shares=tuple(replace(share, full=0.302, none=0.54) for share in own.shares))
    tab = opened(page_of([replace(view, explanations=(turned,))]))
    assert "All edges together speak against it" in tab.locator(".carried .note").inner_text()
    assert "share" not in tab.locator("table.shares").inner_text()
    assert tab.locator("table.shares tr", has_text="this tree").inner_text().split()[-1] == "0.6"
    assert "together, all edges speak against it" in tab.locator(".answer").inner_text()


def test_tokens_are_numbered_as_in_the_terminal(opened: Any):
    view = replace(
        random_view(2, tokens=8), tokens=["[CLS]", "the", " the", "king", "x" * 40, "x" * 39 + "y", "The", "[SEP]"]
    )
    tab = opened(page_of([view]))
    names = told_apart(view.tokens)
    shown = [name.removesuffix(name[name.index(",") :]) for name in labels_of(tab.locator(".token"))]
    assert [name.partition("(")[2] for name in shown] == [name.partition("(")[2] for name in names]
    assert shown[1:4] == names[1:4] == ["the(1)", "the(2)", "king"]
    tab.locator(".token").nth(2).click()
    settled(tab)
    rows = tab.locator(".edges tbody tr").all_inner_texts()
    assert rows
    assert all("the(2)" in row for row in rows)


def test_a_tree_without_a_root_and_shares_that_were_not_measured(opened: Any):
    view = random_view(1)
    own = view.explanations[0]
    empty = replace(own, trees=tuple(replace(tree, root=None, edges=()) for tree in own.trees), shares=())
    tab = opened(page_of([replace(view, explanations=(empty,))]))
    assert drawn_edges(tab) == []
    assert "There is no tree, as no token" in tab.locator(".tree .note").inner_text()
    assert "There is no tree" in tab.locator(".answer").inner_text()
    assert not tab.locator(".verdict").is_visible()
    assert "Not measured" in tab.locator(".carried .note").inner_text()


def test_the_page_prints_in_ink_on_white(opened: Any):
    tab = opened(page_of([random_view(1)]), scheme="dark")
    dark = tab.locator("svg text").first.get_attribute("fill")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    settled(tab)
    assert tab.locator("svg text").first.get_attribute("fill") != dark
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    settled(tab)
    assert tab.locator("svg text").first.get_attribute("fill") == dark


def test_of_a_long_table_of_edges_the_first_are_printed_and_that_is_said(opened: Any):
    tab = opened(page_of([random_view(1)]))
    rows, note = tab.locator(".edges tbody tr"), tab.locator(".edges .note")
    said = "element => getComputedStyle(element, '::after').content"
    whole = rows.count()
    assert whole > 20
    assert sum(row.is_visible() for row in rows.all()) == whole
    assert note.evaluate(said) == "none"
    tab.emulate_media(media="print")
    assert sum(row.is_visible() for row in rows.all()) == 20
    assert note.evaluate(said) == '" The first 20 are printed."'


def test_the_slider_has_a_place_for_every_threshold(opened: Any):
    slider = opened(page_of([random_view(1)])).get_by_role("slider", name="Threshold tau")
    assert (slider.get_attribute("min"), slider.get_attribute("max")) == ("0", str(len(THRESHOLDS) - 1))
