import csv
import html
import io
import re

import pytest
from markdown_it import MarkdownIt

from pipeline.analysis.intervals import Interval
from pipeline.analysis.quantities import Effectiveness
from pipeline.errors import InputError
from pipeline.reporting.statistics import in_words, statistic_rows
from pipeline.reporting.table_text import as_markdown, to_csv, to_markdown


def parse_markdown(text):
    lines = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in text.splitlines()]
    return lines[0], lines[1], lines[2:]


def test_csv_spreads_intervals_over_columns(prune_statistics):
    rows = list(csv.DictReader(io.StringIO(to_csv(statistic_rows(prune_statistics)))))
    assert rows[0]["statistic"] == "the auc/attribution/none"
    assert (rows[0]["value"], rows[0]["value_low"], rows[0]["value_high"]) == ("80.0000", "79.0000", "81.0000")
    assert (rows[-1]["value"], rows[-1]["value_low"], rows[-1]["value_high"]) == ("0.2500", "", "")


def test_numbers_are_stable():
    row = {"accuracy": Interval(-0.00001, -0.04, 0.0), "n": 12345, "seed": 1234, "delta_auc": None, "share": 0.12345678}
    assert to_csv([row]) == (
        "accuracy,accuracy_low,accuracy_high,n,seed,delta_auc,share\n0.0000,-0.0400,0.0000,12345,1234,,0.1235\n"
    )
    _, _, (cells,) = parse_markdown(to_markdown([row]))
    assert cells == ["0.0 [0.0, 0.0]", "12,345", "1234", "–", "0.123"]


def test_markdown_is_aligned_and_reads_like_the_figures():
    rows = [
        {"task": "sst2", "method": "taylor_authors", "normalise": "none", "n": 872, "note": "a|b"},
        {"task": "negation", "method": "attention", "normalise": None, "n": 1000, "note": ""},
    ]
    text = to_markdown(rows)
    assert len({len(line) for line in text.splitlines()}) == 1
    assert "a\\|b" in text
    head, rule, body = parse_markdown(text)
    assert head == ["task", "method", "importance", "examples", "note"]
    assert body[0][:4] == ["SST-2", "Taylor (authors' code)", "as computed", "872"]
    assert [cell.endswith(":") for cell in rule] == [False, False, False, True, False]


def test_rows_without_order_are_refused_and_no_rows_are_no_table():
    assert to_markdown([]) == ""
    with pytest.raises(InputError, match="same columns"):
        to_csv([{"a": 1, "b": 2}, {"b": 2, "a": 1}])


def test_statistics_in_words(effectiveness_statistics):
    attention = [Effectiveness.AREA.where(method=f"attention_{kind}") for kind in ("max", "confidence")]
    words = in_words(effectiveness_statistics(tasks=("negation", "rte")), *attention)
    negation, rte = words.split("; ")
    assert negation == "negation: area, attention_confidence 40.0, area, attention_max 50.0"
    assert rte.startswith("RTE: ")
    undefined = [one | {"value": None} for one in effectiveness_statistics(tasks=("rte",))]
    assert in_words(undefined, *attention) == "none is defined"


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<!-- hidden",
        "</td>",
        "[click](javascript:alert(1))",
        "![](https://example.org/x.png)",
        "<https://example.org>",
        "two\n\n# lines",
        "a < b <3 (c) [d] `<b>`",
    ],
)
def test_no_name_is_taken_for_html_a_link_or_a_heading(name):
    """As another program reads it."""
    page = MarkdownIt("commonmark").enable("table").render(to_markdown([{"class": name, "n": 1}]))
    allowed = {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert {tag.strip("/") for tag in re.findall(r"<(/?\w+)", page)} <= allowed
    text = MarkdownIt("commonmark").render(as_markdown(name))
    shown = html.unescape(re.sub(r"</?(p|code)>", "", text)).strip()
    assert shown == " ".join(name.split()).replace("`", "")
