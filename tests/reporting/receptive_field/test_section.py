"""Table and section of the receptive field."""

from types import SimpleNamespace

import pytest

from pipeline.analysis.intervals import Interval
from pipeline.reporting.receptive_field.section import section
from pipeline.reporting.receptive_field.tables import receptive_field_rows
from pipeline.reporting.table_text import to_csv, to_markdown
from pipeline.values.store import read_json, write_json


def part(edges, slope, within):
    def interval(value):
        return None if value is None else {"value": value, "low": value - 0.125, "high": value + 0.25}

    return {"edges": edges, "distance": interval(4.5), "slope": interval(slope)} | {
        "within": interval(within),
        "within_slope": None if within is None else interval(-0.0625),
    }


@pytest.fixture
def records(tmp_path):
    """The metrics as a stage reads them back: JSON sorts the keys."""
    written = [
        {"task": "sst2", "seed": 1, "n": 872, "layers": 5}
        | part(700, 0.5, None)
        | {"with_special": part(800, 1, None)},
        {"task": "rte", "seed": 2, "n": 277, "layers": 5} | part(0, None, None) | {"with_special": part(90, -1.5, 0.5)},
    ]
    for number, record in enumerate(written):
        write_json(tmp_path / f"{number}.json", record)
    return [read_json(tmp_path / f"{number}.json") for number in range(2)]


def section_of(records):
    return section(SimpleNamespace(records={"receptive_field": records}))


def of_kind(section, kind):
    return [block for block in section.blocks if block.kind == kind]


def test_rows_without_and_with_special_tokens(records):
    rows = receptive_field_rows(records)
    assert [(row["task"], row["seed"], row["special tokens"], row["n"], row["n_edges"]) for row in rows] == [
        ("sst2", 1, "left out", 872, 700),
        ("sst2", 1, "included", 872, 800),
        ("rte", 2, "left out", 277, 0),
        ("rte", 2, "included", 277, 90),
    ]
    assert rows[0]["slope"] == Interval(0.5, 0.375, 0.75)
    assert (rows[0]["within"], rows[2]["slope"]) == (None, None)
    # Shares and their slopes are in percent and in points.
    assert rows[3]["within"] == Interval(50, 37.5, 75)
    assert rows[3]["within_slope"] == Interval(-6.25, -18.75, 18.75)


def test_the_table_in_text(records):
    rows = receptive_field_rows(records)
    head, _, first, *_ = to_markdown(rows).splitlines()
    assert "within a sentence, %" in head
    assert "slope, tokens per layer" in head
    assert "0.50 [0.38, 0.75]" in first
    assert to_csv(rows).splitlines()[1].startswith("sst2,1,left out,872,700,4.5000,4.3750,4.7500,0.5000")


def test_the_section_of_pairs_and_single_sentences(records):
    section = section_of(records)
    distance, share = of_kind(section, "picture")
    assert (distance.name, share.name) == ("receptive_field", "receptive_field_share")
    assert "SST-2, seed 1: 0.50; RTE, seed 2: undefined" in distance.alt
    assert "special tokens included: RTE, seed 2: 50.0 %" in share.alt
    (table,) = of_kind(section, "table")
    assert len(table.rows) == 4


def test_single_sentences_alone_have_no_figure_of_shares(records):
    assert [picture.name for picture in of_kind(section_of(records[:1]), "picture")] == ["receptive_field"]
