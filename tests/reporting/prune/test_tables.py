from pipeline.analysis.intervals import Interval
from pipeline.reporting.prune.tables import pruning_rows
from pipeline.reporting.table_text import Difference


def test_pruning_rows_list_every_measure_per_normalisation_and_random_last(prune_metrics):
    rows = pruning_rows(prune_metrics)
    assert [row["normalise"] for row in rows] == ["none"] * 8 + ["layer_l2"] * 8 + [None]
    assert [row["method"] for row in rows[:8]] == [row["method"] for row in rows[8:16]]
    assert rows[0]["method"] == "attribution"
    assert rows[0]["delta_auc"] is None
    taylor = next(row for row in rows if row["method"] == "taylor")
    assert taylor["delta_auc"] == Difference(1.5, 0.5, 2.5, "better")
    assert (taylor["auc"], taylor["nauc"], taylor["r_star"]) == (Interval(80, 79, 81.25), 0.625, 40)
    assert next(row for row in rows if row["method"] == "attention")["nauc"] is None
    assert (rows[-1]["method"], rows[-1]["auc"]) == ("random", Interval(60, 55, 66))
    assert pruning_rows([prune_metrics[0] | {"random": None}])[-1]["method"] != "random"
