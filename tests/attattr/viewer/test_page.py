"""The page as text: it loads nothing, and no data in it is taken for markup."""

import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest
import torch

from attattr.viewer.notebook import framed
from attattr.viewer.pack import packed
from attattr.viewer.page import viewer_block, viewer_page

HOSTILE = [
    "</script>",
    "<!--",
    "<script>",
    "]]>",
    "&amp;",
    '"',
    "'",
    "\u2028",
    "<img src=x onerror=alert(1)>",
    "\\u003c",
    "é日",
]


class Elements(HTMLParser):
    """The elements of a page with their attributes and texts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.found, self.open = [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])

    def handle_data(self, data):
        if self.found:
            self.found[-1][2] += data

    def handle_comment(self, data):
        raise AssertionError(data)


@pytest.fixture
def hostile(made_view):
    n = len(HOSTILE)
    scores = torch.randn(2, 2, n, n, generator=torch.Generator().manual_seed(0))
    return made_view(scores, tokens=HOSTILE, classes=["</script><b>", "no"], name="</title>", task="<!--", trees=True)


def data_of(page):
    (text,) = [text for tag, attributes, text in Elements(page).found if attributes.get("class") == "viewer-data"]
    return json.loads(text)


def test_markup_in_the_data_stays_data(hostile):
    page = viewer_page(packed([hostile]), title="</title><script>alert(1)</script>")
    found = Elements(page).found
    assert [tag for tag, _, _ in found].count("script") == 2
    assert not {"img", "b"} & {tag for tag, _, _ in found}
    (example,) = data_of(page)["examples"]
    assert example["tokens"] == HOSTILE
    assert example["classes"] == ["</script><b>", "no"]
    # What a browser looks for in the text of a script element.
    for script in re.findall(r"<script\b[^>]*>(.*?)</script>", page, flags=re.DOTALL | re.IGNORECASE):
        assert not re.search(r"<!--|<script|</script", script, flags=re.IGNORECASE)
    (title,) = [text for tag, _, text in found if tag == "title"]
    assert title.startswith("</title><script>")


def test_nothing_is_loaded(hostile):
    page = viewer_page(packed([hostile]), title="A page")
    assert set(re.findall(r"https?://[^\s\"'`<>)]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|importScripts|import\(|WebSocket|sendBeacon", page
    )
    for tag, attributes, _ in Elements(page).found:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        assert not {"src", "href", "srcset", "action"} & attributes.keys()


def test_the_same_bytes_twice(hostile):
    pages = [viewer_page(packed([hostile]), title="A page") for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(("tau", "step"), [(0.0, 0), (0.4, 40), (0.29, 29), (0.994, 99), (0.9999, 99)])
def test_the_slider_starts_at_the_threshold(tau, step):
    data = data_of(viewer_page([], title="A page", tau=tau))
    assert (data["start"], data["steps"]) == (step, 100)


def test_a_block_is_no_page_and_a_notebook_frames_a_whole_one(hostile):
    block = viewer_block(packed([hostile]))
    assert block.startswith('<div class="viewer">')
    assert "<html" not in block
    ((tag, attributes, _),) = Elements(
        framed(viewer_page(packed([hostile]), title="A page"), height=300)._repr_html_()
    ).found
    assert tag == "iframe"
    assert data_of(attributes["srcdoc"])["examples"] == packed([hostile])
    assert unescape(attributes["srcdoc"]).startswith("<!doctype html>")
