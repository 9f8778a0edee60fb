from pipeline.analysis.intervals import Interval
from pipeline.reporting.finetune.tables import finetune_rows


def test_finetune_rows_hold_percentages_over_all_and_by_class(finetune_metrics):
    overall, of_class = finetune_rows(finetune_metrics)
    assert overall == {
        "task": "negation",
        "seed": 1,
        "class": "all",
        "n": 1000,
        "accuracy": Interval(98.4375, 96.875, 100),
    }
    assert (of_class["class"], of_class["n"], of_class["accuracy"]) == ("no", 400, Interval(50, 25, 75))


def test_f1_is_a_column_once_a_task_has_it(finetune_metrics):
    mrpc = finetune_metrics[0] | {"task": "mrpc", "f1": 0.875}
    rows = finetune_rows([*finetune_metrics, mrpc])
    assert [row["f1"] for row in rows] == [None, None, 87.5, None]
