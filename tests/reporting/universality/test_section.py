"""Tables and section of the universality experiment."""

from types import SimpleNamespace

import pytest

from pipeline.analysis.intervals import Interval
from pipeline.reporting.table_text import to_csv, to_markdown
from pipeline.reporting.universality.section import section
from pipeline.reporting.universality.tables import pair_rows, tables


def pair(a, b, value=0.5):
    (task, seed), (other, other_seed) = a, b
    return {"a": {"task": task, "seed": seed}, "b": {"task": other, "seed": other_seed}} | {
        "same_task": task == other,
        "pearson": value,
        "spearman": value + 0.25,
    }


PAIRS = [
    pair(("rte", 1), ("rte", 2)),
    pair(("rte", 1), ("sst2", 1)),
    pair(("rte", 1), ("sst2", 2)),
    pair(("sst2", 1), ("sst2", 2)),
    pair(("rte", 2), ("sst2", 2)),
]


@pytest.fixture
def statistics(statistic_row):
    correlations = [("agreement/rte-sst2", 0.5), ("agreement/rte-sst2/within_layers", 0.25)]
    rows = [statistic_row(name, value, task=None, unit="correlation") for name, value in correlations]
    rows.append(statistic_row("ceiling/rte", 0.75, task=None, spread=None, why="none: pairs of seeds share models"))
    return [
        *rows,
        *(statistic_row(name, 2.5, task=task) for task in ("rte", "sst2") for name in ("lost", "lost/random")),
    ]


@pytest.fixture
def section_of(statistics):
    def make(*, pairs=PAIRS, found=None, source="folder"):
        records = {"universality": [{"method": "attribution", "pairs": pairs}]}
        shown = {"universality": statistics if found is None else found}
        parameters = {"model": {"source": source}}
        return section(SimpleNamespace(records=records, statistics=shown, parameters=parameters))

    return make


def texts(section):
    return " ".join(block.text for block in section.blocks if block.kind == "text")


def of_kind(section, kind):
    return [block for block in section.blocks if block.kind == kind]


def test_pairs_of_tasks_come_before_those_of_seeds():
    rows = pair_rows(PAIRS)
    assert [(row["task"], row["seed"], row["other_task"], row["other_seed"]) for row in rows] == [
        ("rte", 1, "SST-2", "1"),
        ("rte", 1, "SST-2", "2"),
        ("rte", 2, "SST-2", "2"),
        ("rte", 1, "RTE", "2"),
        ("sst2", 1, "SST-2", "2"),
    ]
    assert (rows[0]["pearson"], rows[0]["spearman"]) == (0.5, 0.75)
    assert "0.50" in to_markdown(rows)
    assert to_csv(rows).splitlines()[1] == "rte,1,SST-2,1,0.5000,0.7500"
    assert pair_rows([PAIRS[0] | {"pearson": None}])[0]["pearson"] is None


def test_tables_are_of_agreement_losses_and_pairs(statistics):
    results = SimpleNamespace(statistics=lambda _: statistics, records=lambda _: [{"pairs": PAIRS}])
    found = tables(results)
    assert [row["value"] for row in found["universality"]] == [
        Interval(0.5, -0.5, 1.5),
        Interval(0.25, -0.75, 1.25),
        0.75,
    ]
    assert found["universality"][2]["holds"] == "none: pairs of seeds share models"
    assert [(row["task"], row["statistic"]) for row in found["foreign_pruning"]] == [
        (task, f"the {name}") for task in ("rte", "sst2") for name in ("lost", "lost/random")
    ]
    assert len(found["universality_pairs"]) == len(PAIRS)


def test_the_section_shows_figure_agreement_and_losses(section_of):
    section = section_of()
    (picture,) = of_kind(section, "picture")
    assert picture.name == "universality"
    assert "RTE, seed 1 and SST-2, seed 1: r 0.50, ρ 0.75" in picture.alt
    agreement, losses = of_kind(section, "table")
    assert len(agreement.rows) == 3
    assert len(losses.rows) == 4
    assert "are the ceiling" in texts(section)
    assert "from scratch" not in texts(section)


def test_one_seed_has_no_ceiling_and_scratch_models_share_no_heads(section_of):
    section = section_of(pairs=[PAIRS[1]], source="scratch")
    assert "the ceiling, is not known here" in texts(section)
    assert "trained from scratch" in texts(section)
    assert of_kind(section, "picture")[0].name == "universality"


def test_one_task_has_seeds_to_compare_but_no_foreign_ranking(section_of, statistics):
    section = section_of(pairs=[PAIRS[0]], found=[one for one in statistics if one["task"] in (None, "rte")])
    assert "no ranking of another" in texts(section)
    assert len(of_kind(section, "table")) == 2


def test_one_model_has_random_orders_alone(section_of, statistics):
    section = section_of(pairs=[], found=[statistics[4]])
    assert [block.kind for block in section.blocks] == ["text", "text", "text", "table"]
    assert "two tasks or two seeds" in texts(section)


def test_an_undefined_correlation_is_a_dash_in_words(section_of):
    section = section_of(pairs=[PAIRS[1] | {"pearson": None, "spearman": None}])
    assert "SST-2, seed 1: r –, ρ –" in of_kind(section, "picture")[0].alt
