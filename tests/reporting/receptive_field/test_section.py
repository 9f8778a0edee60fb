"""Tables and section of the receptive field."""

from types import SimpleNamespace

import pytest

from pipeline.reporting.receptive_field.section import section
from pipeline.reporting.receptive_field.tables import edge_rows

PICTURES = {"receptive_field": "<svg/>", "receptive_field_share": "<svg/>"}


def statistic(task, name, value, unit="tokens"):
    known = {"low": None, "high": None, "holds": None, "n": None, "replicates": 1, "why": None}
    return {"task": task, "name": name, "label": f"the {name}", "unit": unit, "value": value, **known}


@pytest.fixture
def context():
    records = [
        {"task": "sst2", "seed": 1, "n": 872, "layers": 5, "edges": 700, "edges_with_special": 800},
        {"task": "rte", "seed": 2, "n": 277, "layers": 5, "edges": 0, "edges_with_special": 90},
    ]
    statistics = [
        statistic("sst2", "distance", 4.5),
        statistic("sst2", "growth", 0.125),
        statistic("rte", "growth", None) | {"why": "undefined for 1 of 1 models"},
        statistic("rte", "within", 0.25, "share"),
    ]
    return SimpleNamespace(
        records={"receptive_field": records}, statistics={"receptive_field": statistics}, figures=PICTURES
    )


def of_kind(section, kind):
    return [block for block in section.blocks if block.kind == kind]


def test_edges_are_counted_without_and_with_special_tokens(context):
    rows = edge_rows(context.records["receptive_field"])
    assert [(row["task"], row["n_edges"], row["n_edges_with_special"]) for row in rows] == [
        ("sst2", 700, 800),
        ("rte", 0, 90),
    ]


def test_the_section_of_pairs_and_single_sentences(context):
    found = section(context)
    distance, share = of_kind(found, "picture")
    assert (distance.name, share.name) == ("receptive_field", "receptive_field_share")
    assert "SST-2: the distance 4.50, the growth 0.12." in distance.alt
    assert "special tokens left out: RTE: the within 0.25." in share.alt
    values, edges = of_kind(found, "table")
    assert [(row["statistic"], row["value"]) for row in values.rows] == [
        ("the distance", 4.5),
        ("the growth", 0.125),
        ("the growth", None),
        ("the within", 0.25),
    ]
    assert values.rows[2]["holds"] == "undefined for 1 of 1 models"
    assert len(edges.rows) == 2


def test_single_sentences_alone_have_no_figure_of_shares(context):
    context.figures = {"receptive_field": "<svg/>"}
    assert [picture.name for picture in of_kind(section(context), "picture")] == ["receptive_field"]
