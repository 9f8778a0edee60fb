import pytest

from pipeline.analysis.intervals import Interval
from pipeline.reporting.effectiveness.tables import effectiveness_rows


def test_effectiveness_rows(effectiveness_metrics):
    rows = effectiveness_rows(effectiveness_metrics)
    assert [row["method"] for row in rows] == ["attribution_gold", "attribution_predicted", "attention"]
    gold = rows[0]
    assert gold["area"] == Interval(20, 18, 22)
    assert gold["area_minus_attention"] == Interval(20, 18, 22)
    assert rows[2]["area_minus_attention"] is None
    assert gold["baseline_accuracy"] == pytest.approx(98.4)
    assert (gold["keep_top2"].low, gold["remove_top2"].high) == pytest.approx((88, 42))
