from types import SimpleNamespace

from pipeline.analysis.intervals import Interval
from pipeline.reporting.prune.section import section
from pipeline.reporting.prune.tables import model_rows


def test_model_rows_list_every_ranking_and_random_last(prune_metrics):
    rows = model_rows(prune_metrics)
    assert [row["normalise"] for row in rows] == ["none"] * 8 + ["layer_l2"] * 8 + ["none"] * 3
    assert (rows[0]["method"], rows[0]["auc"], rows[0]["nauc"], rows[0]["r_star"]) == ("attribution", 80, 0.625, 40)
    assert next(row for row in rows if row["method"] == "attention")["nauc"] is None
    assert rows[16]["method"] == "joint path instead of the layer path"
    assert [(row["method"], row["auc"]) for row in rows[17:]] == [
        ("lowest of 20 random orders", 55),
        ("highest of 20 random orders", 66),
    ]
    assert len(model_rows([prune_metrics[0] | {"random": None}])) == 17


def section_of(statistics, records, protocol="heldout"):
    parameters = {"prepare": {"protocol": protocol}}
    found = section(
        SimpleNamespace(statistics={"prune": statistics}, records={"prune": records}, parameters=parameters)
    )
    tables = {block.caption: block.rows for block in found.blocks if block.kind == "table"}
    return tables, " ".join(block.text for block in found.blocks if block.kind == "text")


def test_the_section_has_areas_leads_and_what_was_changed(prune_statistics, prune_metrics):
    tables, text = section_of(prune_statistics, prune_metrics)
    areas, leads, factors, models = tables.values()
    assert [row["value"] for row in areas] == [Interval(80, 79, 81)]
    assert [row["statistic"] for row in leads] == ["the lead/taylor/none", "the lead/paper", "the beaten/random"]
    assert leads[-1]["value"] == 0.25
    assert [row["value"] for row in factors] == [Interval(0.25, -0.75, 1.25)]
    assert len(models) == 19
    assert "200 training examples" in text
    assert "changes one thing" in text


def test_without_factors_nothing_is_said_of_them(prune_statistics, prune_metrics):
    without = [one for one in prune_statistics if not one["name"].startswith("factor")]
    tables, text = section_of(without, prune_metrics, protocol="authors")
    assert len(tables) == 3
    assert "changes one thing" not in text
