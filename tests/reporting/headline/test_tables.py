from pipeline.analysis.intervals import Interval
from pipeline.reporting.headline.tables import headline
from pipeline.reporting.table_text import Difference


def test_headline_joins_the_stages_by_task_and_seed(finetune_metrics, effectiveness_metrics, prune_metrics):
    other_seed = prune_metrics[0] | {"seed": 2, "leads": []}
    (row,) = headline(finetune_metrics, effectiveness_metrics, [other_seed, *prune_metrics])
    assert row["accuracy"] == Interval(98.4375, 96.875, 100)
    assert (row["area_attribution"].value, row["area_predicted"].value, row["area_attention"].value) == (20, 10, 0)
    assert row["delta_auc_taylor"] == row["delta_auc_attention"] == Difference(1.5, 0.5, 2.5, "better")
    # A measure that was not asked for is missing, not an error.
    (row,) = headline(finetune_metrics, effectiveness_metrics, [prune_metrics[0] | {"leads": []}])
    assert row["delta_auc_taylor"] is None
