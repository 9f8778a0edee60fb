"""Tables and section of the universality experiment."""

from types import SimpleNamespace

import pytest

from pipeline.analysis.intervals import Interval
from pipeline.reporting.table_text import to_csv, to_markdown
from pipeline.reporting.universality.section import section
from pipeline.reporting.universality.tables import correlation_rows, functional_rows
from pipeline.values.store import read_json, write_json


def correlation(value):
    return {"value": value, "low": value - 0.25, "high": value + 0.125, "layers_alone": value / 2}


def pair(a, b, value=0.5):
    (task, seed), (other, other_seed) = a, b
    return {"a": {"task": task, "seed": seed}, "b": {"task": other, "seed": other_seed}} | {
        "same_task": task == other,
        "pearson": correlation(value),
        "spearman": correlation(value + 0.25),
    }


def part(task, ranking, *, seed=1):
    points = {"value": 2.5, "low": 0.5, "high": 4.5}
    return {"task": task, "seed": seed, "ranking": ranking, "n": 277, "majority": 0.53} | {
        "auc_own": points,
        "auc_foreign": points,
        "lost": points | {"value": -2.5},
        "nauc_own": 0.75,
        "nauc_foreign": None,
        "nauc_lost": None,
    }


PAIRS = [
    pair(("rte", 1), ("rte", 2)),
    pair(("rte", 1), ("sst2", 1)),
    pair(("rte", 1), ("sst2", 2)),
    pair(("sst2", 1), ("sst2", 2)),
    pair(("rte", 2), ("sst2", 2)),
]
FUNCTIONAL = [part("rte", "sst2"), part("sst2", "rte")]


@pytest.fixture
def section_of(tmp_path):
    def make(*, pairs=PAIRS, functional=FUNCTIONAL, source="folder"):
        write_json(tmp_path / "u.json", {"method": "attribution", "pairs": pairs, "functional": functional})
        records = {"universality": [read_json(tmp_path / "u.json")]}
        return section(SimpleNamespace(records=records, parameters={"model": {"source": source}}))

    return make


def texts(section):
    return " ".join(block.text for block in section.blocks if block.kind == "text")


def of_kind(section, kind):
    return [block for block in section.blocks if block.kind == kind]


def test_correlations_of_tasks_come_before_those_of_seeds():
    rows = correlation_rows(PAIRS)
    assert [(row["task"], row["seed"], row["other_task"], row["other_seed"]) for row in rows] == [
        ("rte", 1, "SST-2", "1"),
        ("rte", 1, "SST-2", "2"),
        ("rte", 2, "SST-2", "2"),
        ("rte", 1, "RTE", "2"),
        ("sst2", 1, "SST-2", "2"),
    ]
    assert rows[0]["pearson"] == Interval(0.5, 0.25, 0.625)
    assert (rows[0]["pearson_layers"], rows[0]["spearman_layers"]) == (0.25, 0.375)
    assert "0.50 [0.25, 0.62]" in to_markdown(rows)
    assert to_csv(rows).splitlines()[1].startswith("rte,1,SST-2,1,0.5000,0.2500,0.6250,0.2500,0.7500")


def test_an_undefined_correlation_is_a_missing_cell():
    (row,) = correlation_rows([PAIRS[0] | {"pearson": None, "spearman": None}])
    assert {row[name] for name in ("pearson", "pearson_layers", "spearman", "spearman_layers")} == {None}


def test_what_a_foreign_ranking_costs():
    row, _ = functional_rows(FUNCTIONAL)
    assert (row["task"], row["ranking"], row["n"]) == ("rte", "SST-2", 277)
    assert row["lost"] == Interval(-2.5, 0.5, 4.5)
    assert (row["nauc_own"], row["nauc_foreign"], row["nauc_lost"]) == (0.75, None, None)
    assert "AUC lost, points" in to_markdown([row])


def test_the_section_shows_figure_correlations_and_losses(section_of):
    section = section_of()
    (picture,) = of_kind(section, "picture")
    assert picture.name == "universality"
    assert "RTE, seed 1 and SST-2, seed 1: r 0.50, ρ 0.75" in picture.alt
    correlations, losses = of_kind(section, "table")
    # Different tasks with different seeds are left to the table for machines.
    assert [(row["seed"], row["other_seed"]) for row in correlations.rows] == [(1, "1"), (2, "2"), (1, "2"), (1, "2")]
    assert len(losses.rows) == 2
    assert "ceiling is not known" not in texts(section)
    assert "from scratch" not in texts(section)


def test_one_seed_has_no_ceiling_and_scratch_models_share_no_heads(section_of):
    section = section_of(pairs=[PAIRS[1]], source="scratch")
    assert "this ceiling is not known here" in texts(section)
    assert "trained from scratch" in texts(section)
    assert of_kind(section, "picture")[0].name == "universality"


def test_one_task_has_seeds_to_compare_but_no_foreign_ranking(section_of):
    section = section_of(pairs=[PAIRS[0]], functional=[])
    assert len(of_kind(section, "table")) == len(of_kind(section, "picture")) == 1
    assert "no ranking of another" in texts(section)


def test_one_model_has_neither_figure_nor_table(section_of):
    section = section_of(pairs=[], functional=[])
    assert {block.kind for block in section.blocks} == {"text"}
    assert "two tasks or two seeds" in texts(section)


def test_an_undefined_correlation_is_a_dash_in_words(section_of):
    section = section_of(pairs=[PAIRS[1] | {"pearson": None, "spearman": None}])
    assert "SST-2, seed 1: r –, ρ –" in of_kind(section, "picture")[0].alt
