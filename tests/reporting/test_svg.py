"""Figures inside the page."""

import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from pipeline.errors import InputError
from pipeline.reporting.panels import save_figure
from pipeline.reporting.svg import compact, embedded

NUMBER = re.compile(r"-?\d+\.?\d*")


@pytest.fixture(scope="module")
def svg(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A drawing with text, quotes, a picture, clipping and odd places."""
    figure = Figure(figsize=(3, 2))
    left, right = figure.subplots(1, 2)
    left.plot([0, 1 / 3, 2 / 7], [1 / 9, 5, 1 / 11], marker="<", label="Spearman's r & <others>")
    left.legend(title='"quoted" 50 %')
    right.imshow([[0.1, 0.7], [0.3, 0.9]])
    folder = tmp_path_factory.mktemp("svg")
    save_figure(figure, folder / "one", dpi=50)
    return (folder / "one.svg").read_text(encoding="utf-8")


def drawn(svg: str) -> list[tuple[str, list[tuple[str, str]], list[float]]]:
    """Every element that draws: its tag, its attributes with # for a number, and these numbers."""
    found = []
    for element in ElementTree.fromstring(svg).iter():
        space, _, tag = element.tag.rpartition("}")
        if space != "{http://www.w3.org/2000/svg" or tag == "metadata":
            continue
        texts = {name: " ".join(value.split()) for name, value in element.items()}
        pictures = {name: value.replace(" ", "") for name, value in texts.items() if "base64," in value}
        words = [(name, pictures.get(name, NUMBER.sub("#", value))) for name, value in texts.items()]
        numbers = [float(n) for name, value in texts.items() if name not in pictures for n in NUMBER.findall(value)]
        found.append((tag, words, numbers))
    return found


def test_the_same_is_drawn_in_fewer_bytes(svg: str) -> None:
    before, after = drawn(svg), drawn(compact(svg))
    assert len(before) > 100
    assert [part[:2] for part in after] == [part[:2] for part in before]
    for (tag, _, small), (_, _, large) in zip(after, before, strict=True):
        # Five digits that count.
        assert small == pytest.approx(large, rel=5e-5), tag
    assert len(compact(svg)) < 0.9 * len(svg)
    assert not {"\n", '"'} & set(compact(svg))


def test_the_uri_holds_the_drawing_and_nothing_that_would_end_it(svg: str) -> None:
    figure = embedded(svg)
    kind, _, content = figure.uri.partition(",")
    assert kind == "data:image/svg+xml"
    assert not set('#"<>&\n') & set(content)
    assert unquote(content) == compact(svg)
    assert (figure.width, figure.height) == (360, 240)  # 216 and 144 points


def test_a_figure_without_a_size_is_refused() -> None:
    with pytest.raises(InputError, match="no width and height in points"):
        embedded('<svg width="3cm" height="2cm"></svg>')
