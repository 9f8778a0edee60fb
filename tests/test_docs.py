"""The API reference that `make docs` builds: every public name is in it, and no link leads nowhere."""

import importlib.util
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

import attattr

ROOT = Path(__file__).parents[1]


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.add(given.get("id") or "")
        if tag == "a" and given.get("href"):
            self.links.add(str(given["href"]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("build_docs", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    folder = tmp_path_factory.mktemp("site")
    build.main(folder)
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_the_public_names_are_described_where_they_are_imported_from(site: Path, pages: dict[Path, Page]) -> None:
    page = site / "attattr.html"
    assert {*attattr.__all__} <= pages[page].anchors
    assert "Attribution scores of every attention edge" in page.read_text(encoding="utf-8")


def test_every_module_of_the_method_has_a_page_that_the_first_one_links(site: Path, pages: dict[Path, Page]) -> None:
    modules = {path.stem for path in (ROOT / "attattr").glob("*.py")} - {"__init__"}
    linked = pages[site / "index.html"].links
    assert {f"attattr/{name}.html" for name in modules} | {"method.html"} <= linked


def test_the_method_is_there_whole(site: Path, pages: dict[Path, Page]) -> None:
    text = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    headings = re.findall(r"^##+ (.+)$", text, flags=re.MULTILINE)
    assert headings
    assert {slug(heading) for heading in headings} <= pages[site / "method.html"].anchors


def test_no_link_leads_nowhere(site: Path, pages: dict[Path, Page]) -> None:
    links = [(path, link) for path, page in pages.items() for link in page.links if "://" not in link]
    assert len(links) > len(pages)
    for path, link in links:
        place, anchor = urldefrag(unquote(link))
        target = (path.parent / place).resolve() if place else path
        if site in target.parents:
            found: set[str] = pages[target].anchors
        else:  # beside docs/, as the folder of the pages is
            found = set(slugs(ROOT / target.relative_to(site.parent)))
        assert not anchor or anchor in found, f"{path.name}: {link}"


def slugs(markdown: Path) -> Iterator[str]:
    for line in markdown.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            yield slug(line.lstrip("# "))


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")
