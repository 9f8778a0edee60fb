from types import SimpleNamespace

from pipeline.analysis.intervals import Interval
from pipeline.reporting.effectiveness.tables import tables


def test_the_table_holds_every_statistic(effectiveness_statistics):
    statistics = effectiveness_statistics(tasks=["negation", "rte"])
    rows = tables(SimpleNamespace(statistics={"effectiveness": statistics}.get))["effectiveness"]
    assert [(row["task"], row["statistic"]) for row in rows] == [(one["task"], one["label"]) for one in statistics]
    assert rows[1] == {
        "task": "negation",
        "statistic": "area, loss_difference",
        "value": Interval(10, 8, 12),
        "unit": "points",
        "models": 1,
        "n": 1000,
        "holds": "this model",
    }
