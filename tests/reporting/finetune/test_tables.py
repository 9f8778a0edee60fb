from pipeline.analysis.intervals import Interval
from pipeline.reporting.finetune.tables import finetune_rows, sample_rows, tables
from pipeline.reporting.results import Results
from pipeline.values.paths import analysis_folder
from pipeline.values.store import write_json


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


def test_samples_are_shown_where_an_experiment_rests_on_fewer_examples(finetune_metrics):
    models = [
        record | {"task": task, "n": n} for record in finetune_metrics for task, n in (("rte", 277), ("mnli", 900))
    ]

    def of(n, task="rte"):
        return {"task": task, "n": n}

    whole = {"effectiveness": [of(277), of(900, "mnli")], "receptive_field": [of(None)], "universality": []}
    assert sample_rows(models, whole) == []
    rows = sample_rows(models, whole | {"prune": [of(60), of(40), of(None), of(900, "mnli")], "tree": [of(15)]})
    assert rows == [
        {"task": "rte", "dev": 277, "effectiveness": 277, "prune": 60, "tree": 15},
        {"task": "mnli", "dev": 900, "effectiveness": 900, "prune": 900, "tree": None},
    ]


def test_rows_of_all_models_are_beside_the_models_own(tmp_path, finetune_metrics, finetune_statistics):
    folder = analysis_folder(tmp_path, "finetune")
    write_json(folder / "records.json", {"records": finetune_metrics, "statistics": finetune_statistics})
    found = tables(Results(tmp_path, ["negation"], [1]))
    assert found["finetune"] == finetune_rows(finetune_metrics)
    assert [(row["task"], row["value"]) for row in found["accuracy"]] == [("negation", Interval(98.5, 97.5, 99.5))]
